/* A connection filter that changes every byte, as nobody would: what mod_ws cannot leave behind. */

#include <httpd.h>

#include <http_config.h>
#include <http_connection.h>
#include <util_filter.h>

static void mangle(char* bytes, apr_size_t size) {
  for (apr_size_t i = 0; i < size; ++i) bytes[i] ^= 1;
}

/* Replaces each bucket with data by one that has been mangled. */
static apr_status_t mangle_brigade(apr_bucket_brigade* brigade) {
  for (apr_bucket* bucket = APR_BRIGADE_FIRST(brigade); bucket != APR_BRIGADE_SENTINEL(brigade);) {
    apr_bucket* const next = APR_BUCKET_NEXT(bucket);
    if (!APR_BUCKET_IS_METADATA(bucket)) {
      const char* data = NULL;
      apr_size_t size = 0;
      const apr_status_t status = apr_bucket_read(bucket, &data, &size, APR_BLOCK_READ);
      if (status != APR_SUCCESS) return status;
      char* const copy = apr_bucket_alloc(size, bucket->list);
      memcpy(copy, data, size);
      mangle(copy, size);
      APR_BUCKET_INSERT_BEFORE(bucket,
                               apr_bucket_heap_create(copy, size, apr_bucket_free, bucket->list));
      apr_bucket_delete(bucket);
    }
    bucket = next;
  }
  return APR_SUCCESS;
}

static apr_status_t mangle_output(ap_filter_t* filter, apr_bucket_brigade* brigade) {
  const apr_status_t status = mangle_brigade(brigade);
  return status == APR_SUCCESS ? ap_pass_brigade(filter->next, brigade) : status;
}

/* Of lines too: their end is not looked for below, where the bytes are others. */
static apr_status_t mangle_input(ap_filter_t* filter, apr_bucket_brigade* brigade,
                                 ap_input_mode_t mode, apr_read_type_e block, apr_off_t size) {
  if (mode == AP_MODE_GETLINE) {
    mode = AP_MODE_READBYTES;
    size = 1;
  }
  const apr_status_t status = ap_get_brigade(filter->next, brigade, mode, block, size);
  return status == APR_SUCCESS ? mangle_brigade(brigade) : status;
}

static int add_filters(conn_rec* c, void* socket) {
  (void)socket;
  if (c->outgoing) return OK; /* a backend's */
  ap_add_input_filter("MANGLE", NULL, NULL, c);
  ap_add_output_filter("MANGLE", NULL, NULL, c);
  return OK;
}

static void register_hooks(apr_pool_t* pool) {
  (void)pool;
  ap_register_input_filter("MANGLE", mangle_input, NULL, AP_FTYPE_CONNECTION);
  ap_register_output_filter("MANGLE", mangle_output, NULL, AP_FTYPE_CONNECTION);
  ap_hook_pre_connection(add_filters, NULL, NULL, APR_HOOK_LAST);
}

__attribute__((visibility("default"))) module AP_MODULE_DECLARE_DATA ws_mangle_module = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE};
