#include "mod_ws/metrics/tally.h"

#include <span>

namespace mod_ws::metrics {
namespace {

constexpr std::size_t number_count = sizeof(Sums) / sizeof(std::uint64_t);
constexpr std::uint16_t first_code = 1000;
constexpr std::array<const char*, close_places> close_names{
    "1000", "1001", "1002", "1003", "1004", "1005", "1006", "1007", "1008", "1009",
    "1010", "1011", "1012", "1013", "1014", "1015", "3xxx", "4xxx", "other"};
constexpr std::size_t libraries_place = 16;
constexpr std::size_t private_place = 17;
constexpr std::size_t other_place = 18;

}  // namespace

const char* name_of(Ender ender) {
  static constexpr std::array<const char*, 3> names{"client", "backend", "server"};
  return names[static_cast<std::size_t>(ender)];
}

std::size_t place_of_close(std::uint16_t code) {
  if (code >= first_code && code < first_code + libraries_place)
    return static_cast<std::size_t>(code - first_code);
  // RFC 6455 7.4.2
  if (code >= 3000 && code <= 3999) return libraries_place;
  return code >= 4000 && code <= 4999 ? private_place : other_place;
}

const char* name_of_close(std::size_t place) { return close_names[place]; }

// Both are nothing but numbers, in the same order.
void add(Sums& sums, const Tally& tally) {
  const std::span to(reinterpret_cast<std::uint64_t*>(&sums), number_count);
  const auto* from = reinterpret_cast<const Counter*>(&tally);
  for (std::uint64_t& sum : to) sum += (from++)->value();
}

void add(Tally& tally, const Sums& sums) {
  const std::span to(reinterpret_cast<Counter*>(&tally), number_count);
  const auto* from = reinterpret_cast<const std::uint64_t*>(&sums);
  for (Counter& counter : to) counter.add(*from++);
}

void count_end(Tally& tally, Ender ender, std::uint16_t code, std::chrono::milliseconds age) {
  tally.ended.add();
  tally.closes[static_cast<std::size_t>(ender)][place_of_close(code)].add();
  tally.durations[place_of_duration<std::chrono::seconds>(duration_bounds_seconds, age)].add();
  tally.duration_ms.add(static_cast<std::uint64_t>(age.count()));
}

Tally& uncounted() {
  static Tally tally{};
  return tally;
}

}  // namespace mod_ws::metrics
