#!/bin/sh
# The Swift 6 toolchain of the project, made on demand, and commands that run in it.
#
#   toolchain.sh ensure              make the toolchain unless it is there; says nothing when it is
#   toolchain.sh run DIR -- CMD...   run CMD in DIR with the toolchain (building, testing)
#   toolchain.sh exec BINARY ARGS... run a Swift program built by `run`, among the machine's own programs
#   toolchain.sh where               print the folder of the toolchain, or `/` when the machine has its own
#   toolchain.sh remove              delete what `ensure` made
#
# A machine that has Swift 6 or newer on its PATH uses that, and nothing is made. Elsewhere the toolchain is Debian
# trixie's `swiftlang` in a folder of its own (3 GB, about two minutes), made with debootstrap from the mirror that
# the machine's apt names. That needs root, or sudo without a password.
#
# `run` changes root into that folder, in a mount namespace of its own: this clone, the cargo target folder, /tmp, /dev
# and /proc are seen at their usual places, and every mount is gone with the last process. CMD replaces this script,
# so signals and the exit status are CMD's own.
#
# `exec` needs neither root nor mounts: it starts the program with the toolchain's loader and libraries, and what the
# program starts is the machine's own. It replaces this script too.
set -eu

SUITE=trixie
PACKAGES="swiftlang,libc6-dev,libstdc++-14-dev,gcc,libncurses-dev"
DEFAULT_MIRROR="http://deb.debian.org/debian/"
# What a finished folder says of itself: another recipe makes it anew.
RECIPE="1 $SUITE $PACKAGES"

here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/oxmcp/swift"
root="$cache/root"
stamp="$root/.oxmcp-recipe"

main() {
    verb="${1:-}"
    [ $# -eq 0 ] || shift
    case "$verb" in
        ensure) ensure ;;
        run) ensure && run "$@" ;;
        exec) start "$@" ;;
        where) where ;;
        remove) remove ;;
        *) fail "usage: toolchain.sh ensure | run DIR -- CMD... | exec BINARY ARGS... | where | remove" ;;
    esac
}

fail() {
    echo "toolchain.sh: $*" >&2
    exit 2
}

# Whether the machine has a Swift of its own that is new enough.
machine_has_swift() {
    command -v swift >/dev/null 2>&1 || return 1
    major=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\..*/\1/p' | head -n 1)
    [ "${major:-0}" -ge 6 ]
}

made() {
    [ "$(cat "$stamp" 2>/dev/null)" = "$RECIPE" ]
}

where() {
    if made; then echo "$root"; elif machine_has_swift; then echo /; else fail "no Swift toolchain yet: run '$0 ensure'"; fi
}

# --- making it

ensure() {
    if made || machine_has_swift; then return; fi
    command -v apt-get >/dev/null 2>&1 || fail "Swift 6 is needed: install it from https://www.swift.org/install"
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null ||
            fail "making a Swift toolchain needs root: run as root, allow sudo, or install Swift 6 from https://www.swift.org/install"
        sudo -n env HOME="$HOME" XDG_CACHE_HOME="${XDG_CACHE_HOME:-$HOME/.cache}" "$here/toolchain.sh" ensure
        # Theirs who run it: without root, `run` makes its mount points there as itself.
        sudo -n chown -R "$(id -u):$(id -g)" "$cache"
        return
    fi
    mkdir -p "$cache"
    # One maker at a time; who waited finds it made. The lock goes with the last process of the maker, however it ends.
    exec 9>"$cache/lock"
    flock 9
    made || make_root
    exec 9>&-
}

make_root() {
    partial="$cache/partial"
    log="$cache/make.log"
    echo "toolchain.sh: making a Swift toolchain in $root (3 GB, about two minutes)" >&2
    if ! make_in "$partial" >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        fail "the Swift toolchain could not be made; the end of $log is above"
    fi
    echo "$RECIPE" >"$partial/.oxmcp-recipe"
    rm -rf --one-file-system "$root"
    mv "$partial" "$root"
    rm -rf "$cache/debs" "$log"
}

make_in() (
    set -x
    install_debootstrap || return
    # A folder left half-made is not trusted; the packages it had fetched are kept in debs/ and used again.
    rm -rf --one-file-system "$1" || return
    mkdir -p "$cache/debs" || return
    script=
    [ -e "/usr/share/debootstrap/scripts/$SUITE" ] || script=sid
    proxy=
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "$proxy" ] || export http_proxy="$proxy"
    # Its own mount namespace: what debootstrap mounts goes when it ends, also when it is killed.
    # shellcheck disable=SC2086 # no fourth argument when the script is empty
    unshare --mount --propagation private debootstrap --variant=minbase --cache-dir="$cache/debs" \
        --keyring=/usr/share/keyrings/debian-archive-keyring.gpg --include="$PACKAGES" \
        "$SUITE" "$1" "$(mirror)" $script || { cat "$1/debootstrap/debootstrap.log"; return 1; }
    # /proc, because the loader asks it where the program is that it loads libraries beside.
    unshare --mount --propagation private sh -c \
        'mount --rbind /proc "$0/proc" && chroot "$0" swift --version' "$1" || return
    rm -f "$1"/var/cache/apt/archives/*.deb
)

install_debootstrap() {
    if command -v debootstrap >/dev/null && [ -e /usr/share/keyrings/debian-archive-keyring.gpg ]; then return; fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y debootstrap debian-archive-keyring || {
        apt-get update && apt-get install -y debootstrap debian-archive-keyring
    }
}

# The Debian archive that this machine's apt uses, if it is a Debian.
mirror() {
    # shellcheck disable=SC2016 # apt's own placeholders
    found=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' |
        sed -n 's/^Debian Debian //p' | head -n 1)
    echo "${found:-$DEFAULT_MIRROR}"
}

remove() {
    [ -d "$cache" ] || return 0
    rm -rf --one-file-system "$cache"
}

# --- using it

run() {
    [ $# -ge 3 ] && [ "$2" = -- ] || fail "usage: toolchain.sh run DIR -- CMD..."
    dir=$(cd "$1" && pwd)
    shift 2
    if ! made; then
        cd "$dir"
        exec "$@"
    fi
    export OXMCP_ROOT="$root" OXMCP_DIR="$dir" OXMCP_REPO="$repo"
    export OXMCP_TARGET="${CARGO_TARGET_DIR:-$repo/target}"
    namespace="--mount"
    [ "$(id -u)" -eq 0 ] || namespace="--map-root-user --mount"
    # shellcheck disable=SC2016,SC2086 # expanded by the inner shell; several options in one word
    exec unshare $namespace --propagation private sh -euc '
        for folder in "$OXMCP_REPO" "$OXMCP_TARGET" /tmp /dev /proc; do
            [ -d "$folder" ] || continue
            mkdir -p "$OXMCP_ROOT$folder"
            mount --rbind "$folder" "$OXMCP_ROOT$folder"
        done
        for file in /etc/hosts /etc/resolv.conf; do
            if [ -e "$file" ] && [ -e "$OXMCP_ROOT$file" ]; then mount --bind "$file" "$OXMCP_ROOT$file"; fi
        done
        root=$OXMCP_ROOT dir=$OXMCP_DIR
        unset OXMCP_ROOT OXMCP_DIR OXMCP_REPO OXMCP_TARGET LD_LIBRARY_PATH LD_PRELOAD
        exec env HOME=/root PATH=/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C.UTF-8 \
            chroot "$root" sh -c "cd \"\$0\" && exec \"\$@\"" "$dir" "$@"
    ' sh "$@"
}

start() {
    [ $# -ge 1 ] || fail "usage: toolchain.sh exec BINARY ARGS..."
    [ -x "$1" ] || fail "$1 is not a program: build it first"
    made || exec "$@"
    loader=$(echo "$root"/lib64/ld-linux-*.so.2 "$root"/lib/ld-linux-*.so.1)
    for candidate in $loader; do
        [ -e "$candidate" ] || continue
        triple=$(basename "$(dirname "$(echo "$root"/usr/lib/*/libc.so.6)")")
        exec "$candidate" --library-path "$root/usr/lib/$triple:$root/usr/libexec/swift/lib/swift/linux" "$@"
    done
    fail "the toolchain in $root has no loader: run '$0 remove', then '$0 ensure'"
}

main "$@"
