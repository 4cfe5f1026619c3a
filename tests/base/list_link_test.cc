#include "mod_ws/base/list_link.h"

#include <gtest/gtest.h>

#include <vector>

namespace mod_ws::base {
namespace {

/// Those in the list, forwards; and expects the same ones backwards.
std::vector<const ListLink*> members_of(const ListLink& head) {
  std::vector<const ListLink*> members;
  for (const ListLink* link = head.next; link != &head; link = link->next) members.push_back(link);
  auto expected = members.rbegin();
  for (const ListLink* link = head.previous; link != &head; link = link->previous)
    EXPECT_EQ(link, *expected++);
  return members;
}

using Members = std::vector<const ListLink*>;

TEST(ListLink, IsAloneAtFirst) {
  const ListLink head;
  EXPECT_TRUE(head.is_alone());
  EXPECT_EQ(members_of(head), Members());
}

TEST(ListLink, StandsBeforeItsPlaceAndBehindAllBeforeTheHead) {
  ListLink head;
  ListLink first;
  ListLink second;
  ListLink between;
  first.insert_before(head);
  second.insert_before(head);
  between.insert_before(second);
  EXPECT_EQ(members_of(head), (Members{&first, &between, &second}));
  EXPECT_FALSE(head.is_alone());
}

TEST(ListLink, RemovedIsAloneAndMayBeRemovedAgain) {
  ListLink head;
  ListLink first;
  ListLink second;
  first.insert_before(head);
  second.insert_before(head);
  first.remove();
  EXPECT_EQ(members_of(head), Members{&second});
  EXPECT_TRUE(first.is_alone());
  first.remove();
  second.remove();
  EXPECT_TRUE(head.is_alone());
}

}  // namespace
}  // namespace mod_ws::base
