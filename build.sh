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
                        handler's coroutine, and how long a session binds a thread; WS_BENCH_ROUNDS (6) rounds of
                        WS_BENCH_MS (1000) each
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

. tests/suite.sh
. tests/bench/bench.sh

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
