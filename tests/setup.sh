#!/usr/bin/env bash
# Sees to the tools that the tests need and the build does not. Root on a Debian gets what is missing installed.
# Otherwise a missing tool is a failure with CI=true; without, the tests that need it skip themselves.
set -euo pipefail

missing_packages() {
    command -v prosody >/dev/null || echo prosody
    # Not in the PATH of everybody.
    [[ -x /usr/sbin/ejabberdctl ]] || echo ejabberd
    command -v valgrind >/dev/null || echo valgrind
    command -v c++ >/dev/null || echo g++
    command -v clang >/dev/null || echo clang
    command -v cmake >/dev/null || echo cmake
    command -v pkg-config >/dev/null || echo pkg-config
    command -v doxygen >/dev/null || echo doxygen
    [[ -e /usr/include/cjson/cJSON.h ]] || echo libcjson-dev
    "${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
}

mapfile -t missing < <(missing_packages)
if ((${#missing[@]} > 0)) && ((EUID == 0)) && command -v apt-get >/dev/null; then
    echo "Installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # The tests run servers of their own: none is wanted as a service of the system.
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    # What did not work shows in what is still missing.
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } || true
    for package in "${missing[@]}"; do
        if [[ $package == prosody || $package == ejabberd ]] && command -v systemctl >/dev/null; then
            systemctl disable --quiet "$package" || true
        fi
    done
    mapfile -t missing < <(missing_packages)
fi
if ((${#missing[@]} > 0)); then
    echo "Not installed, by the names of Debian's packages: ${missing[*]}" >&2
    if [[ ${CI:-} == true ]]; then
        exit 1
    fi
    echo "SKIPPED: the tests that need them" >&2
fi
