#pragma once

#include <exception>

struct request_rec;

namespace mod_ws::httpd {

/// The machine, or what it allows this process, has nothing left for a further session.
class Scarcity final : public std::exception {
 public:
  /// `error` is the errno that says of what.
  explicit Scarcity(int error) : error_(error) {}

  int error() const { return error_; }
  const char* what() const noexcept override;

 private:
  int error_;
};

/// Sets Retry-After, for a refusal that another time need not meet.
void ask_to_retry(request_rec* r);

/// Sets Retry-After and returns 503. Once in a while a line in the log says which limit to raise;
/// there may be a great many such requests.
int refuse_for_scarcity(request_rec* r, int error);

}  // namespace mod_ws::httpd
