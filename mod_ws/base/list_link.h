#pragma once

namespace mod_ws::base {

/// A place in a circular list; on its own, the head of one. What is derived from it is in a list
/// without memory for that, and must be removed before it is destroyed.
struct ListLink {
  ListLink() = default;
  ListLink(const ListLink&) = delete;
  ListLink& operator=(const ListLink&) = delete;

  bool is_alone() const { return next == this; }

  /// Only for one that is alone.
  void insert_before(ListLink& place);

  /// Leaves it alone; it may be so already.
  void remove();

  ListLink* previous = this;
  ListLink* next = this;
};

}  // namespace mod_ws::base
