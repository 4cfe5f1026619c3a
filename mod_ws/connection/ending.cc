#include "mod_ws/connection/ending.h"

#include <system_error>

namespace mod_ws::connection {

std::string describe(const Ending& ending) {
  switch (ending.cause) {
    case Ending::Cause::finished:
      return "closed as intended";
    case Ending::Cause::peer_ended:
      return "the peer left without a Close frame";
    case Ending::Cause::failed:
      return ending.error == 0 ? "TLS error" : std::generic_category().message(ending.error);
    case Ending::Cause::close_timeout:
      return "no answer to the Close frame in time";
    case Ending::Cause::write_timeout:
      return "the peer took no data in time";
    case Ending::Cause::pong_timeout:
      return "no answer to a ping in time";
  }
  return {};
}

}  // namespace mod_ws::connection
