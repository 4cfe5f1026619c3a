# build.sh's command bench. It sources this.

# The servers that mod_ws is compared with.
need_peers() {
  need openssl python3-websockets gcc libc6-dev golang-go golang-github-gorilla-websocket-dev libwebsockets-dev websocketd
  # Libraries of those that are unpacked.
  need libpcre2-8-0 liblua5.3-0 libopentracing-c-wrapper0 libsystemd0
  unpack nginx usr/sbin/nginx
  unpack haproxy usr/sbin/haproxy
  unpack libnginx-mod-nchan usr/lib/nginx/modules/ngx_nchan_module.so
}

# bench [SECTION...]: those of compare.py; without one, all that can be measured.
bench() {
  need_build_packages
  need libbenchmark-dev python3 strace
  need_peers
  configure_and_build "$BUILD/release" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DWS_BENCH=ON >&2
  export WS_RELEASE=$PWD/$BUILD/release WS_MODULES=$PWD/$BUILD/release/modules WS_HTTPD WS_HTTPD_MODULES
  WS_HTTPD=$(httpd_program) WS_HTTPD_MODULES=$(httpd_modules)
  local status=0
  /usr/bin/python3 -B tests/bench/compare.py "$@" || status=1
  [ $# -eq 0 ] || return $status
  /usr/bin/python3 -B tests/bench/protocol.py "$BUILD/release/protocol_bench"
  "$BUILD/release/echo_bench"
  /usr/bin/python3 -B tests/bench/worker_thread.py
  return $status
}
