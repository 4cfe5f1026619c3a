#include "mod_ws/httpd/session_row.h"

#include <cstring>

namespace mod_ws::httpd {
namespace {

/// Both processes run on this machine: numbers are as they lie in memory.
class Writer {
 public:
  template <class Number>
  void add(Number number) {
    text_.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  void add_text(std::string_view text) {
    add(static_cast<std::uint32_t>(text.size()));
    text_ += text;
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool is_at_end() const { return rest_.empty(); }
  bool has_failed() const { return has_failed_; }

  template <class Number>
  Number take() {
    Number number{};
    if (const auto bytes = take_bytes(sizeof number); !has_failed_)
      std::memcpy(&number, bytes.data(), sizeof number);
    return number;
  }
  std::string take_text() { return std::string(take_bytes(take<std::uint32_t>())); }

 private:
  std::string_view take_bytes(std::size_t size) {
    has_failed_ = has_failed_ || size > rest_.size();
    if (has_failed_) return {};
    const auto bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

  std::string_view rest_;
  bool has_failed_ = false;
};

void write(Writer& writer, const SessionRow& row) {
  writer.add(row.facts->id);
  writer.add(row.age.count());
  writer.add(row.client);
  writer.add(row.process);
  for (const std::string* const text :
       {&row.facts->labels.server, &row.facts->labels.location, &row.facts->labels.backend,
        &row.facts->client, &row.facts->user, &row.facts->uri, &row.facts->subprotocol}) {
    writer.add_text(*text);
  }
}

SessionRow read(Reader& reader) {
  auto facts = std::make_shared<SessionFacts>();
  SessionRow row{};
  facts->id = reader.take<std::uint64_t>();
  row.age = std::chrono::milliseconds(reader.take<std::chrono::milliseconds::rep>());
  row.client = reader.take<connection::Traffic>();
  row.process = reader.take<pid_t>();
  for (std::string* const text :
       {&facts->labels.server, &facts->labels.location, &facts->labels.backend, &facts->client,
        &facts->user, &facts->uri, &facts->subprotocol}) {
    *text = reader.take_text();
  }
  row.facts = std::move(facts);
  return row;
}

}  // namespace

std::string serialize(std::span<const SessionRow> rows) {
  Writer writer;
  for (const SessionRow& row : rows) write(writer, row);
  return writer.take();
}

std::vector<SessionRow> parse_rows(std::string_view text) {
  std::vector<SessionRow> rows;
  Reader reader(text);
  while (!reader.is_at_end()) {
    SessionRow row = read(reader);
    if (reader.has_failed()) return {};
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace mod_ws::httpd
