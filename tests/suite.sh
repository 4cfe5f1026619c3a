# Those of build.sh's commands that show what mod_ws promises: test, soak, fuzz and check. It sources this.

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
  rm -rf "$BUILD/parts"
  local passed=() failed=()
  part sources check_sources base metrics protocol engine transport connection channels proxy
  part units test_units
  part threads test_threads
  part release test_release
  part httpd test_sanitized
  part fuzzers fuzz_all -runs=20000 -seed=1
  tell_outcome
}

# part NAME COMMAND...: what it says is kept, for the end.
part() {
  local name=$1 begun=$SECONDS
  shift
  mkdir -p "$BUILD/parts"
  say "mod_ws: testing $name"
  { "$@" 2>&1 && touch "$BUILD/parts/$name.passed"; } | tee "$BUILD/parts/$name.log"
  if [ -e "$BUILD/parts/$name.passed" ]; then passed+=("$name in $((SECONDS - begun)) s"); else failed+=("$name"); fi
}

# Last, so that nobody has to look for it: how each part that has failed ended.
tell_outcome() {
  local name progress='^ *[0-9]+/[0-9]+ Test .* Passed |^ +Start +[0-9]+:|^\[[0-9]+/[0-9]+\] |^[.s]+ +\[ *[0-9]+%\]$'
  for name in "${failed[@]}"; do
    say "mod_ws: how $name failed; all of it is in $BUILD/parts/$name.log"
    grep -vE "$progress" "$BUILD/parts/$name.log" | tail -n 80 >&2
  done
  say "mod_ws: passed: ${passed[*]/%/,} of $SECONDS s"
  [ ${#failed[@]} -gt 0 ] || { say "mod_ws: all tests passed"; return 0; }
  say "mod_ws: TESTS FAILED: ${failed[*]}"
  return 1
}

build_sanitized() {
  configure_and_build "$BUILD/sanitized" -DCMAKE_BUILD_TYPE=Debug -DWS_SANITIZE=ON -DWS_TESTS=ON
}

test_units() {
  build_sanitized && ctest --test-dir "$BUILD/sanitized" --output-on-failure -j "$(nproc)"
}

# httpd is no sanitized program, so the runtime has to be there before the module that wants it, and behind it the library whose
# exceptions it looks at.
test_sanitized() {
  build_sanitized || return 1
  WS_SANITIZER_PRELOAD="$(c++ -print-file-name=libasan.so) $(c++ -print-file-name=libstdc++.so)" \
    test_httpd "$BUILD/sanitized" -n "$(nproc)" --dist loadfile tests/httpd tests/conformance
}

# test_httpd BUILD PYTEST-ARGUMENT...: with httpd and the modules of that build, and with WS_SANITIZER_PRELOAD, if that is set.
test_httpd() {
  local modules=$PWD/$1/modules
  shift
  WS_MODULES=$modules WS_NODE_MODULES=$PWD/$BUILD/node/node_modules WS_TEST_PATIENCE=${WS_TEST_PATIENCE:-3} \
    WS_HTTPD=$(httpd_program) WS_HTTPD_MODULES=$(httpd_modules) /usr/bin/python3 -B -m pytest "$@"
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
  for name in nothing_lost churn; do
    WS_SOAK_SESSIONS=1000 WS_SOAK_SECONDS=$((60 * minutes)) \
      test_httpd "$BUILD/soak" --timeout $((60 * minutes + 600)) "tests/httpd/${name}_test.py" || failed=1
  done
  end=$((SECONDS + 60 * minutes))
  while [ $round = 0 ] || [ $SECONDS -lt $end ]; do
    round=$((round + 1))
    say "round $round of faults, restarts and abuse"
    test_httpd "$BUILD/soak" -n "$(nproc)" --dist loadfile \
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
    -DWS_SANITIZE_THREADS=ON -DWS_TESTS=ON --target "${layers[@]/%/_test}" mod_ws ws_{echo,members,worker,faulty} || return 1
  for layer in "${layers[@]}"; do
    say "$layer with ThreadSanitizer"
    timeout "$UNIT_TESTS_SECONDS" "$BUILD/threads/tests/${layer}_test" --gtest_brief=1 || status=1
  done
  WS_SANITIZER_PRELOAD=$(c++ -print-file-name=libtsan.so) test_httpd "$BUILD/threads" -n "$(nproc)" --dist load \
    -k "not fifty_restarts" tests/httpd/{keeper,channels,detectors}_test.py || status=1
  return $status
}

# What is installed: how it is hardened, a short life of it under valgrind, and what it takes of memory, which AddressSanitizer makes another.
test_release() {
  need valgrind
  build && test_httpd "$BUILD" -n "$(nproc)" --dist loadfile -m "plain_build or measures_memory" tests/httpd
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
