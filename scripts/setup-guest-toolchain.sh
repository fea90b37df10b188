#!/usr/bin/env bash
# Makes sure that Rust guests can be compiled for wasm32-wasip2, and does nothing if they can.
#
#   scripts/setup-guest-toolchain.sh             rustup's target, else Debian's packages
#   scripts/setup-guest-toolchain.sh --fallback  Debian's packages, whatever rustup could do
#
# The packages' part is laid into $RUSM_GUEST_TOOLCHAIN, by default
# ${XDG_CACHE_HOME:-~/.cache}/rusm/guest-toolchain, where `rusm build` finds it through the file
# toolchain.toml. It needs apt (Debian 12 or later), root for what is not installed yet, and cargo.
set -euo pipefail

target=wasm32-wasip2
least_rustc=1.95          # rust-version of the SDK
component_ld=0.5.31       # the crate wasm-component-ld
packages=(rustc-web rust-web-src lld-19)
rustc=/usr/bin/rustc      # where rustc-web puts it
wasm_ld=/usr/bin/wasm-ld-19
dir=${RUSM_GUEST_TOOLCHAIN:-${XDG_CACHE_HOME:-$HOME/.cache}/rusm/guest-toolchain}

say() { printf 'guest toolchain: %s\n' "$*"; }
die() { printf 'guest toolchain: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

main() {
    local fallback=${RUSM_GUEST_TOOLCHAIN:+yes}
    case "${1:-}" in
        '') ;;
        --fallback) fallback=yes ;;
        *) die "unknown option $1; the only one is --fallback" ;;
    esac
    if [ -z "$fallback" ]; then
        if rustc_has_target; then
            say "rustc has $target; nothing to do"
            return
        fi
        if add_rustup_target; then
            return
        fi
    fi
    if fallback_is_ready; then
        say "$dir is ready; nothing to do"
        return
    fi
    lay_fallback
}

rustc_has_target() {
    local sysroot
    sysroot=$("${RUSTC:-rustc}" --print sysroot 2>/dev/null) || return 1
    [ -d "$sysroot/lib/rustlib/$target/lib" ]
}

add_rustup_target() {
    have rustup || return 1
    say "running: rustup target add $target"
    if rustup target add "$target" && rustc_has_target; then
        say "rustup has added $target"
    else
        say "rustup could not add $target; trying Debian's packages"
        return 1
    fi
}

rustc_release() { "$rustc" -vV | sed -n 's/^release: //p'; }

fallback_is_ready() {
    [ -f "$dir/toolchain.toml" ] && [ -x "$dir/bin/wasm-component-ld" ] &&
        [ -x "$rustc" ] && [ -x "$wasm_ld" ] &&
        grep -qxF "release = \"$(rustc_release)\"" "$dir/toolchain.toml"
}

lay_fallback() {
    have apt-get || die "neither rustup nor apt-get can provide $target here: install a Rust with this target and run again"
    have cargo || packages+=(cargo-web)
    install_packages
    local release
    release=$(rustc_release)
    at_least "$least_rustc" "$release" ||
        die "$rustc is $release, and the SDK needs $least_rustc or later: enable the distribution's security updates, or install Rust with rustup"
    [ -d "$("$rustc" --print sysroot)/lib/rustlib/src/rust/library" ] ||
        die "the package rust-web-src has left no sources of the standard library where $rustc looks for them"
    mkdir -p "$dir"
    unpack_wasi_libc
    say "building wasm-component-ld $component_ld into $dir/bin"
    cargo install wasm-component-ld --version "$component_ld" --locked --quiet --root "$dir"
    # Written last: this file says that the rest is complete.
    cat >"$dir/toolchain.toml" <<END
# Written by setup-guest-toolchain.sh, read by the rusm command.
release = "$release"
rustc = "$rustc"
wasm-ld = "$wasm_ld"
END
    say "$dir is ready, with rustc $release"
}

install_packages() {
    local missing=() package
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] ||
        die "these packages are missing, and installing them needs root: apt-get install ${missing[*]}"
    say "installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# The C library for WASI 0.2 is only in Debian's development suite. It holds nothing for the
# machine it lies on, so it is fetched with apt's state in a directory of its own, which leaves
# the system's sources alone, and unpacked without being installed.
unpack_wasi_libc() {
    local uri apt
    uri=$(debian_mirror)
    apt=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$apt'" EXIT
    mkdir -p "$apt/etc" "$apt/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/status"
    printf 'deb [arch=all signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s sid main\n' "$uri" >"$apt/etc/sources.list"
    local options=(
        -o "Dir::Etc::SourceList=$apt/etc/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
        -o "Dir::State::Lists=$apt/lists" -o "Dir::State::Status=$apt/status" -o "Dir::Cache=$apt/cache"
        -o Acquire::Languages=none -o APT::Sandbox::User=root -qq
    )
    say "fetching Debian's wasi-libc"
    apt-get "${options[@]}" update
    (cd "$apt" && apt-get "${options[@]}" download wasi-libc:all)
    dpkg-deb -x "$apt"/wasi-libc_*.deb "$dir"
    [ -f "$dir/usr/lib/$target/libc.a" ] ||
        die "Debian's wasi-libc has no usr/lib/$target/libc.a: this script must learn where it has gone"
}

# The machine's own mirror of Debian's main archive, without its security updates.
debian_mirror() {
    local uri
    uri=$(apt-get indextargets --format '$(CREATED_BY) $(REPO_URI)' 'Component: main' |
        sed -n 's/^Packages //p' | grep -v -e '-security/*$' | head -n 1)
    [ -n "$uri" ] || die "apt knows no mirror of Debian's main archive (see /etc/apt/sources.list.d)"
    printf '%s\n' "$uri"
}

main "$@"
