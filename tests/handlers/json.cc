#include <ws/json.h>
#include <ws/ws.h>

/// Answers {"add": [1, 2]} with {"sum": 3}.
namespace {

ws::Task<> adder(ws::Conn& conn) {
  while (const auto request = co_await ws::read_json(conn)) {
    double sum = 0;
    for (const auto& number : request->value("add", nlohmann::json::array()))
      sum += number.get<double>();
    const nlohmann::json answer = {{"sum", sum}};
    const auto error = co_await ws::write_json(conn, answer);
    if (error) break;
  }
}

}  // namespace

WS_MODULE(ws_json_module, {"adder", adder})
