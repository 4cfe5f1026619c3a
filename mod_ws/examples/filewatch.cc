#include <ws/ws.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace {

using namespace std::chrono_literals;

constexpr auto pause = 1s;

struct File {
  std::int64_t modified = 0;  ///< Nanoseconds since 1970; 0: it is not there.
  std::string text;
};

std::int64_t modified(const std::filesystem::path& path) {
  std::error_code error;
  const auto time = std::filesystem::last_write_time(path, error);
  if (error) return 0;
  return std::chrono::file_clock::to_sys(time).time_since_epoch() / 1ns;
}

/// The file, if it has changed since. It blocks, so it is for other threads.
std::optional<File> read_if_newer(const std::string& path, std::int64_t since) {
  File file{.modified = modified(path), .text = {}};
  if (file.modified == 0 || file.modified == since) return std::nullopt;
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  file.text = std::move(text).str();
  return file;
}

std::int64_t last_seen(const ws::Request& request) {
  std::int64_t time = 0;
  const std::string text = request.query_parameter("lastMod").value_or("");
  std::from_chars(text.data(), text.data() + text.size(), time);
  return time;
}

ws::Task<> send_changes(ws::Conn& conn, std::string path) {
  std::int64_t since = last_seen(conn.request());
  while (true) {
    const auto read = [path, since] { return read_if_newer(path, since); };
    const auto file = co_await ws::offload(read);
    if (file) {
      since = file->modified;
      const std::string message = std::to_string(since) + "\n" + file->text;
      auto error = co_await conn.write(ws::MessageType::text, message);
      if (error.reason() == ws::Error::Reason::not_utf8)
        error = co_await conn.write(ws::MessageType::binary, message);
      if (error.reason() == ws::Error::Reason::closed) co_return;
    }
    co_await ws::sleep_for(pause);
  }
}

/// Sends the file that `WebSocketHandlerOption file PATH` names, now and when it changes: a line
/// with the time of the change, which "?lastMod=" takes to send only what is newer, and the text;
/// as a binary message, if it is not UTF-8.
ws::Task<> filewatch(ws::Conn& conn) {
  const std::string path(conn.option("file").value_or(""));
  if (path.empty()) {
    co_await conn.close(ws::CloseCode::internal_error, "WebSocketHandlerOption file is not set");
    co_return;
  }
  conn.spawn(send_changes(conn, path));
  while (const auto message = co_await conn.read()) {  // only to see the end
  }
}

}  // namespace

WS_MODULE(ws_filewatch_module, {"filewatch", filewatch, {.read_limit = 128}})
