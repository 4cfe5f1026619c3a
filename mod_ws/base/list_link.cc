#include "mod_ws/base/list_link.h"

namespace mod_ws::base {

void ListLink::insert_before(ListLink& place) {
  previous = place.previous;
  next = &place;
  previous->next = next->previous = this;
}

void ListLink::remove() {
  previous->next = next;
  next->previous = previous;
  previous = next = this;
}

}  // namespace mod_ws::base
