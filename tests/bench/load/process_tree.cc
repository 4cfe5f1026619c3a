#include "tests/bench/load/process_tree.h"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace mod_ws::bench {
namespace {

namespace fs = std::filesystem;

/// 0 when the entry is no process.
pid_t pid_of(const fs::path& entry) {
  const std::string name = entry.filename();
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  return error == std::errc{} && end == name.data() + name.size() ? pid : 0;
}

/// It stands behind the name, which may have spaces and brackets.
pid_t parent_of(const fs::path& process) {
  std::string stat;
  std::getline(std::ifstream(process / "stat"), stat);
  const auto name_end = stat.rfind(')');
  pid_t parent = 0;
  if (name_end != std::string::npos && name_end + 4 < stat.size())
    std::from_chars(stat.data() + name_end + 4, stat.data() + stat.size(), parent);
  return parent;
}

std::vector<pid_t> tree_of(pid_t root) {
  std::multimap<pid_t, pid_t> children;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    if (const pid_t pid = pid_of(entry.path()); pid != 0)
      children.emplace(parent_of(entry.path()), pid);
  }
  std::vector<pid_t> tree{root};
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const auto [first, last] = children.equal_range(tree[i]);
    for (auto child = first; child != last; ++child) tree.push_back(child->second);
  }
  return tree;
}

std::uint64_t number_in(const fs::path& file, int place) {
  std::ifstream in(file);
  std::uint64_t number = 0;
  for (int i = 0; i <= place; ++i) in >> number;
  return in ? number : 0;
}

}  // namespace

ProcessTree::ProcessTree(pid_t root) : pids_(tree_of(root)) {
  if (usage().cpu_ns == 0) throw std::runtime_error("no process " + std::to_string(root));
}

Usage ProcessTree::usage() const {
  Usage usage{};
  for (const pid_t pid : pids_) {
    const fs::path process = fs::path("/proc") / std::to_string(pid);
    std::error_code ended;
    for (const auto& task : fs::directory_iterator(process / "task", ended))
      usage.cpu_ns += number_in(task.path() / "schedstat", 0);
    usage.memory_bytes +=
        number_in(process / "statm", 1) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  return usage;
}

}  // namespace mod_ws::bench
