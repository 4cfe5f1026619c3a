#include "mod_ws/httpd/channels.h"

#include <cerrno>

#include "mod_ws/channels/child_mesh.h"
#include "mod_ws/httpd/httpd.h"

namespace mod_ws::httpd {
namespace {

// The number changes with what the members say to each other: after an upgrade and a graceful
// restart, old children are still there.
constexpr const char* table_name = "mod_ws: mesh of children 2";

channels::MeshTable* mesh_table = nullptr;

/// One table for the process's life: children of the last generation are still members.
int share_table(apr_pool_t*, apr_pool_t*, apr_pool_t*, server_rec* server) {
  mesh_table = once_in_process<channels::MeshTable>(
      server, table_name, [](apr_pool_t*) { return channels::MeshTable::create().release(); });
  if (mesh_table != nullptr) return OK;
  ap_log_error(APLOG_MARK, APLOG_EMERG, errno, server, "no shared memory for channels");
  return HTTP_INTERNAL_SERVER_ERROR;
}

}  // namespace

std::unique_ptr<channels::Bus> join_channels(engine::EventLoop& loop) {
  auto mesh = std::make_unique<channels::ChildMesh>(*mesh_table, loop);
  if (!mesh->has_joined()) {
    // Of these there may be enough for the next session, and the child is to be no loner then.
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
      throw Scarcity(errno);
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, ap_server_conf,
                 "channels: this child cannot reach the others, and what is published in it or "
                 "elsewhere stays there");
  }
  return mesh;
}

void register_channels() { ap_hook_post_config(share_table, nullptr, nullptr, APR_HOOK_MIDDLE); }

}  // namespace mod_ws::httpd
