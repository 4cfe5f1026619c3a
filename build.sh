#!/usr/bin/env bash
# Builds, runs, tests and installs mod_ws. `./build.sh help` lists the commands.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")"

APXS=${APXS:-apxs}
BUILD=build
export CCACHE_DIR=${CCACHE_DIR:-$PWD/$BUILD/ccache}
export CCACHE_SLOPPINESS=pch_defines,time_macros  # or it would not do with precompiled headers

usage() {
  cat <<'EOF'
usage: ./build.sh COMMAND

  run [--port N]        build, start httpd with the demo page on 127.0.0.1:N (8080; TLS on N+363), Ctrl-C ends it
  build                 build/modules/mod_ws.so and the example handlers
  test                  build with AddressSanitizer and UBSan, run all tests; those of threads with ThreadSanitizer, too; what
                        `build` makes: how it is hardened, what memory it takes, and under valgrind; formatting and lint
  soak [MINUTES]        for that long (10) 1,000 sessions of numbered messages, through restarts and a backend that fails; then
                        clients that come and go in every way; then the tests of faults, restarts and abuse, over and over
  check                 formatting, lint, the rules between layers
  fuzz [SECONDS]        each fuzzer for that long (60), from the corpus in tests/fuzz
  bench [SECTION...]    mod_ws beside nginx, nchan, haproxy, httpd's own proxies, gorilla, websocketd and libwebsockets: relays,
                        handlers, publish, memory, upgrades, pages; without a section also the protocol's inner loops, a
                        handler's coroutine, and how long a session binds a thread
  install [--destdir D] modules, headers and configuration to where apxs says, below D; with --modules M those that are
                        there already, without a build

Missing Debian packages are installed where that is possible (as root). APXS=/path/to/apxs builds for another httpd.
EOF
}

say() { printf '%s\n' "$*" >&2; }

# need PACKAGE...: installs what is missing.
need() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "These packages are missing, and only root can install them: ${missing[*]}"
    exit 1
  fi
  say "Installing: ${missing[*]}"
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" >/dev/null
}

# The compiler counts as there when any is; an httpd from elsewhere brings its own apxs.
need_build_packages() {
  command -v dpkg-query >/dev/null || return 0
  command -v "${CXX:-c++}" >/dev/null || need g++
  [ "$APXS" != apxs ] || need apache2-bin apache2-dev apache2-ssl-dev libapr1-dev libaprutil1-dev
  need cmake ninja-build ccache libssl-dev zlib1g-dev nlohmann-json3-dev
}

# configure_and_build FOLDER CMAKE-OPTION... [--target TARGET...]
configure_and_build() {
  local folder=$1 options=() targets=()
  shift
  while [ $# -gt 0 ] && [ "$1" != --target ]; do options+=("$1"); shift; done
  [ $# -eq 0 ] || targets=("$@")
  mkdir -p "$folder"
  cmake -S . -B "$folder" -G Ninja -DAPXS="$APXS" "${options[@]}" >"$folder/configure.log" 2>&1 || {
    cat "$folder/configure.log" >&2
    exit 1
  }
  cmake --build "$folder" "${targets[@]}"
}

build() {
  need_build_packages
  mkdir -p "$BUILD"
  configure_and_build "$BUILD" -DCMAKE_BUILD_TYPE=RelWithDebInfo >&2
}

httpd_program() { printf '%s/%s\n' "$("$APXS" -q SBINDIR)" "$("$APXS" -q PROGNAME)"; }
httpd_modules() { "$APXS" -q LIBEXECDIR; }

# make_certificate FOLDER: a self-signed one, for localhost.
make_certificate() {
  [ ! -e "$1/server.crt" ] || return 0
  openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
    -keyout "$1/server.key" -out "$1/server.crt" 2>/dev/null
}

# readable_htdocs ROOT: httpd's children are not root; where they cannot read the page, a copy that they can read is served.
readable_htdocs() {
  local htdocs=$PWD/conf/demo/htdocs copy
  if [ "$(id -u)" = 0 ] &&
    ! setpriv --reuid www-data --regid www-data --clear-groups test -r "$htdocs/index.html" 2>/dev/null; then
    copy=/tmp/mod_ws-demo-${1##*/}
    rm -rf "$copy"
    cp -r "$htdocs" "$copy"
    chmod -R a+rX "$copy"
    htdocs=$copy
  fi
  printf '%s\n' "$htdocs"
}

fail() {
  say "$*"
  exit 1
}

# is_open PORT: something listens on it.
is_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# TLS is on the port that is as far from PORT as 8443 is from 8080.
TLS_DISTANCE=363

run() {
  local port=8080
  while [ $# -gt 0 ]; do
    case $1 in
      --port=*) port=${1#--port=}; shift ;;
      --port) [ $# -gt 1 ] || fail "--port needs a number"; port=$2; shift 2 ;;
      --help | -h) usage; exit 0 ;;
      *) usage >&2; exit 2 ;;
    esac
  done
  [[ $port =~ ^[0-9]{1,5}$ ]] && [ "$port" -ge 1 ] && [ $((port + TLS_DISTANCE)) -le 65535 ] ||
    fail "--port takes a number from 1 to $((65535 - TLS_DISTANCE)) (TLS is on the one $TLS_DISTANCE above); not \"$port\""
  local tls_port=$((port + TLS_DISTANCE)) taken
  for taken in "$port" "$tls_port"; do
    ! is_open "$taken" || fail "Something listens on port $taken already; choose another with --port."
  done
  build
  command -v openssl >/dev/null || need openssl
  local root=$PWD/$BUILD/run/$port
  mkdir -p "$root"
  make_certificate "$root"
  : >"$root/error.log"
  setsid "$(httpd_program)" -d "$root" -f "$PWD/conf/demo/httpd.conf" -DFOREGROUND -E "$root/error.log" \
    -C "Define WS_ROOT $root" -C "Define WS_HTDOCS $(readable_htdocs "$root")" -C "Define WS_MODULES $PWD/$BUILD/modules" \
    -C "Define HTTPD_MODULES $(httpd_modules)" -C "Define WS_PORT $port" -C "Define WS_TLS_PORT $tls_port" &
  local httpd=$!
  trap 'kill -TERM $httpd 2>/dev/null' INT TERM
  wait_until_serving "$httpd" "$port" "$root/error.log"
  cat <<EOF

  mod_ws is running.

    demo page   http://127.0.0.1:$port/          https://127.0.0.1:$tls_port/ (self-signed certificate)
    handler     ws://127.0.0.1:$port/echo        wss://127.0.0.1:$tls_port/echo
    relay       ws://127.0.0.1:$port/relay       wss://127.0.0.1:$tls_port/relay
    status      http://127.0.0.1:$port/ws-status
    log         $BUILD/run/$port/error.log, and a line for each ended session in sessions.log
    settings    conf/demo/httpd.conf

  Ctrl-C ends it.
EOF
  # The first signal ends `wait`, the second waits for httpd's end.
  wait "$httpd" || wait "$httpd" || true
  say "mod_ws has ended."
}

# wait_until_serving PID PORT LOG
wait_until_serving() {
  local tries=0
  while kill -0 "$1" 2>/dev/null && [ $tries -lt 100 ]; do
    ! is_open "$2" || return 0
    tries=$((tries + 1))
    read -rt 0.1 <> <(:) || true
  done
  say "httpd did not start; its log says:"
  cat "$3" >&2
  exit 1
}

need_test_packages() {
  need libgtest-dev openssl python3 python3-pytest python3-pytest-timeout python3-pytest-xdist python3-websockets procps \
    redis-tools chromium nlohmann-json3-dev
  command -v node >/dev/null || need nodejs
  command -v npm >/dev/null || need npm
  unpack apache2 usr/sbin/a2enmod
}

install_node_packages() {
  local folder=$BUILD/node
  mkdir -p "$folder"
  cmp -s tests/support/node/package.json "$folder/package.json" && [ -d "$folder/node_modules" ] && return 0
  cp tests/support/node/package.json "$folder/"
  (cd "$folder" && npm install --loglevel=error --no-audit --no-fund >/dev/null)
}

# For all of a layer's unit tests, so that one that hangs ends.
UNIT_TESTS_SECONDS=300

run_tests() {
  need_build_packages
  need_test_packages
  mkdir -p "$BUILD"
  install_node_packages
  configure_and_build "$BUILD/sanitized" -DCMAKE_BUILD_TYPE=Debug -DWS_SANITIZE=ON -DWS_TESTS=ON
  local failed=0
  check_sources base metrics protocol engine transport connection channels proxy || failed=1
  ctest --test-dir "$BUILD/sanitized" --output-on-failure -j "$(nproc)" || failed=1
  test_threads || failed=1
  test_release || failed=1
  # httpd is no sanitized program, so the runtime has to be there before the module that wants it, and
  # behind it the library whose exceptions it looks at.
  WS_MODULES=$PWD/$BUILD/sanitized/modules WS_NODE_MODULES=$PWD/$BUILD/node/node_modules \
    WS_SANITIZER_PRELOAD="$(c++ -print-file-name=libasan.so) $(c++ -print-file-name=libstdc++.so)" WS_TEST_PATIENCE=${WS_TEST_PATIENCE:-3} \
    WS_HTTPD=$(httpd_program) WS_HTTPD_MODULES=$(httpd_modules) \
    /usr/bin/python3 -B -m pytest -n "$(nproc)" --dist loadfile tests/httpd tests/conformance || failed=1
  fuzz_all -runs=20000 -seed=1 || failed=1
  if [ $failed = 0 ]; then say "mod_ws: all tests passed"; else say "mod_ws: TESTS FAILED"; fi
  return $failed
}

# The same tests as `test` runs for some seconds; each session takes two descriptors here and two of httpd's.
soak() {
  local minutes=${1:-10} name round=0 failed=0 end
  [[ $minutes =~ ^[1-9][0-9]*$ ]] || fail "soak takes a number of minutes, not \"$minutes\""
  need_build_packages
  need_test_packages
  mkdir -p "$BUILD"
  install_node_packages
  configure_and_build "$BUILD/soak" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DWS_TESTS=ON \
    --target mod_ws ws_echo ws_blocker ws_closing ws_members ws_worker >&2
  ulimit -n "$(ulimit -Hn)"
  export WS_MODULES=$PWD/$BUILD/soak/modules WS_NODE_MODULES=$PWD/$BUILD/node/node_modules
  export WS_TEST_PATIENCE=${WS_TEST_PATIENCE:-3} WS_HTTPD WS_HTTPD_MODULES
  WS_HTTPD=$(httpd_program) WS_HTTPD_MODULES=$(httpd_modules)
  for name in nothing_lost churn; do
    WS_SOAK_SESSIONS=1000 WS_SOAK_SECONDS=$((60 * minutes)) \
      /usr/bin/python3 -B -m pytest --timeout $((60 * minutes + 600)) "tests/httpd/${name}_test.py" || failed=1
  done
  end=$((SECONDS + 60 * minutes))
  while [ $round = 0 ] || [ $SECONDS -lt $end ]; do
    round=$((round + 1))
    say "round $round of faults, restarts and abuse"
    /usr/bin/python3 -B -m pytest -n "$(nproc)" --dist loadfile \
      tests/httpd/{faults,faults_of_legs,http2_loss,keeper,crash,abuse,http2_abuse}_test.py || failed=1
  done
  return $failed
}

# What several threads meet in, with ThreadSanitizer: the layers' tests that have several threads, and httpd with the module, up to
# the keepers that go on with what a child's threads have left. Built in a hurry: it is slow enough.
test_threads() {
  local layer status=0 layers=(engine connection channels proxy handler)
  # Behind ||, nothing ends by itself.
  configure_and_build "$BUILD/threads" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 -g1 -DNDEBUG" \
    -DWS_SANITIZE_THREADS=ON -DWS_TESTS=ON --target "${layers[@]/%/_test}" mod_ws ws_echo ws_members ws_worker || return 1
  for layer in "${layers[@]}"; do
    say "$layer with ThreadSanitizer"
    timeout "$UNIT_TESTS_SECONDS" "$BUILD/threads/tests/${layer}_test" --gtest_brief=1 || status=1
  done
  WS_MODULES=$PWD/$BUILD/threads/modules WS_SANITIZER_PRELOAD=$(c++ -print-file-name=libtsan.so) \
    WS_TEST_PATIENCE=${WS_TEST_PATIENCE:-3} WS_HTTPD=$(httpd_program) WS_HTTPD_MODULES=$(httpd_modules) \
    /usr/bin/python3 -B -m pytest -n "$(nproc)" --dist load -k "not fifty_restarts" tests/httpd/keeper_test.py tests/httpd/channels_test.py || status=1
  return $status
}

# What is installed: how it is hardened, a short life of it under valgrind, and what it takes of memory, which AddressSanitizer makes another.
test_release() {
  need valgrind
  build || return 1
  WS_MODULES=$PWD/$BUILD/modules WS_HTTPD=$(httpd_program) WS_HTTPD_MODULES=$(httpd_modules) \
    WS_TEST_PATIENCE=${WS_TEST_PATIENCE:-3} \
    /usr/bin/python3 -B -m pytest -n "$(nproc)" --dist loadfile -m "plain_build or measures_memory" tests/httpd
}

# fuzz_all LIBFUZZER-OPTION...: runs every fuzzer; what it finds on the way stays under build/.
fuzz_all() {
  local name max_len
  need clang libclang-rt-14-dev
  configure_and_build "$BUILD/fuzz" -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=RelWithDebInfo -DWS_FUZZ=ON \
    --target frames_fuzz inflate_fuzz handshake_fuzz extensions_fuzz close_fuzz || return 1
  for name in frames inflate handshake extensions close; do
    mkdir -p "$BUILD/fuzz/corpus/$name"
    # A frame with a length of 64 bits has to fit.
    max_len=4096
    [ "$name" != frames ] || max_len=70000
    say "fuzzing $name"
    "$BUILD/fuzz/tests/fuzz/${name}_fuzz" "$@" -max_len=$max_len -artifact_prefix="$BUILD/fuzz/$name-" -print_final_stats=1 \
      "$BUILD/fuzz/corpus/$name" "tests/fuzz/corpus/$name" 2>"$BUILD/fuzz/$name.log" || {
      tail -n 30 "$BUILD/fuzz/$name.log" >&2
      return 1
    }
    grep -E 'number_of_executed_units' "$BUILD/fuzz/$name.log" >&2
  done
}

fuzz() {
  need_build_packages
  fuzz_all -max_total_time="${1:-60}"
}

# check_sources LAYER...: formatting and the rules between layers of all, and lint of these: of all it takes minutes.
check_sources() {
  local sources status=0
  need clang clang-format clang-tidy python3
  mkdir -p "$BUILD/clang"
  # The commands of the second compiler are the ones that clang-tidy understands.
  cmake -S . -B "$BUILD/clang" -G Ninja -DAPXS="$APXS" -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=Debug -DWS_TESTS=ON \
    >"$BUILD/clang/configure.log" || return 1
  mapfile -t sources < <(find mod_ws include tests -name '*.cc' -o -name '*.h')
  clang-format --dry-run -Werror "${sources[@]}" || status=1
  /usr/bin/python3 -B tests/support/check_layers.py || status=1
  /usr/bin/python3 -B tests/support/lint.py "$BUILD/clang" "$@" || status=1
  return $status
}

check() {
  need_build_packages
  need libgtest-dev
  check_sources '*'
  cmake --build "$BUILD/clang"
  say "mod_ws: formatting, layers and lint are clean"
}

# The servers that mod_ws is compared with.
need_peers() {
  need openssl python3-websockets gcc libc6-dev golang-go golang-github-gorilla-websocket-dev libwebsockets-dev websocketd
  # Libraries of those that are unpacked.
  need libpcre2-8-0 liblua5.3-0 libopentracing-c-wrapper0 libsystemd0
  unpack nginx usr/sbin/nginx
  unpack haproxy usr/sbin/haproxy
  unpack libnginx-mod-nchan usr/lib/nginx/modules/ngx_nchan_module.so
}

# unpack PACKAGE FILE: below build/peers, where there is no such file: a server that is installed would be started now and at each boot.
unpack() {
  local folder=$BUILD/peers
  [ ! -e "/$2" ] && [ ! -e "$folder/debian/$2" ] || return 0
  say "Unpacking: $1"
  mkdir -p "$folder/debian"
  rm -f "$folder/$1"_*.deb
  [ "$(id -u)" != 0 ] || apt-get -qq update
  (cd "$folder" && apt-get -qq -o APT::Sandbox::User=root download "$1")
  dpkg-deb -x "$folder/$1"_*.deb "$folder/debian"
}

# bench [SECTION...]: those of compare.py; without one, all that can be measured.
bench() {
  need_build_packages
  need libbenchmark-dev python3 strace
  need_peers
  configure_and_build "$BUILD/release" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DWS_BENCH=ON >&2
  export WS_RELEASE=$PWD/$BUILD/release WS_MODULES=$PWD/$BUILD/release/modules WS_HTTPD WS_HTTPD_MODULES
  WS_HTTPD=$(httpd_program) WS_HTTPD_MODULES=$(httpd_modules)
  /usr/bin/python3 -B tests/bench/compare.py "$@"
  [ $# -eq 0 ] || return 0
  /usr/bin/python3 -B tests/bench/protocol.py "$BUILD/release/protocol_bench"
  "$BUILD/release/echo_bench"
  /usr/bin/python3 -B tests/bench/worker_thread.py
}

install_files() {
  local destdir='' built=$BUILD/modules
  while [ $# -gt 0 ]; do
    case $1 in
      --destdir) [ $# -gt 1 ] || fail "--destdir needs a folder"; destdir=$2; shift 2 ;;
      --modules) [ $# -gt 1 ] || fail "--modules needs a folder"; built=$2; shift 2 ;;
      *) usage >&2; exit 2 ;;
    esac
  done
  [ "$built" != "$BUILD/modules" ] || build
  [ -e "$built/mod_ws.so" ] || fail "There is no mod_ws.so in $built."
  command -v "$APXS" >/dev/null || fail "There is no $APXS, which says where modules go (on Debian: package apache2-dev)."
  local modules includes settings source
  modules=$(httpd_modules)
  includes=$("$APXS" -q INCLUDEDIR)
  settings=$(settings_folder)
  install -d "$destdir$modules" "$destdir$includes/ws" "$destdir$settings"
  # The examples by name: there may be handlers of tests beside them.
  install -m 644 "$built/mod_ws.so" "$destdir$modules"
  for source in mod_ws/examples/*.cc; do
    install -m 644 "$built/ws_$(basename "$source" .cc).so" "$destdir$modules"
  done
  install -m 644 include/ws/*.h "$destdir$includes/ws"
  sed "s|@MODULES@|$modules|" conf/ws.load >"$destdir$settings/ws.load"
  install -m 644 conf/ws.conf "$destdir$settings/ws.conf"
  say "Installed to $destdir$modules, $destdir$includes/ws and $destdir$settings."
  say_how_to_enable "$settings"
}

# Debian has each module's settings in a folder of its own, which comes with the package apache2; its modules come without.
settings_folder() {
  local settings
  settings=$("$APXS" -q SYSCONFDIR)
  if [ -d "$settings/mods-available" ] || [ "$settings" = /etc/apache2 ]; then settings=$settings/mods-available; fi
  printf '%s\n' "$settings"
}

say_how_to_enable() {
  if [ "${1##*/}" != mods-available ]; then
    say "To enable it, behind LoadModule proxy_module in httpd.conf: Include $1/ws.load"
  elif [ -d "$1" ] && command -v a2enmod >/dev/null; then
    say "To enable it: a2enmod ws, then restart apache2."
  else
    say "To enable it: apt-get install apache2, which brings a2enmod, the other settings and the service; then a2enmod ws."
  fi
}

command=${1:-help}
[ $# -eq 0 ] || shift
case $command in
  run) run "$@" ;;
  build) [ $# -eq 0 ] || { usage >&2; exit 2; }; build ;;
  test) run_tests ;;
  soak) [ $# -le 1 ] || { usage >&2; exit 2; }; soak "$@" ;;
  check) check ;;
  fuzz) fuzz "$@" ;;
  bench) bench "$@" ;;
  install) install_files "$@" ;;
  help | -h | --help) usage ;;
  *) say "unknown command: $command"; usage >&2; exit 2 ;;
esac
