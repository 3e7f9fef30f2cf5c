#!/usr/bin/env bash
# Unpacks Debian's Sendmail into a folder, for tests/integration/test_sendmail.py: it cannot be installed beside Postfix.
#
#     tests/integration/unpack_sendmail.sh FOLDER      then: MAILROUTER_SENDMAIL=FOLDER make test
#
# Nothing of the system is changed, no package's scripts run. Libraries that are not installed are unpacked too. Ends
# with an error, never with half a folder, when something cannot be had.
set -euo pipefail
folder=$(realpath -m "${1:?a folder must be named}")
[ -e "$folder/complete" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

installed() { dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'; }
needed_libraries() {  # by sendmail-bin and m4, and by those in turn
    local direct
    direct=$(apt-cache depends --important sendmail-bin m4 | awk '$1 == "Depends:" && $2 ~ /^lib/ { print $2 }')
    # shellcheck disable=SC2086  # a list of names
    apt-cache depends --recurse --important $direct | awk '/^lib/ { sub(/:.*/, ""); print }' | sort -u
}
fetch() {
    local packages=(sendmail-bin sendmail-cf m4) one
    for one in $(needed_libraries); do installed "$one" || packages+=("$one"); done
    echo "downloading: ${packages[*]}"
    # As root apt would have its own user write here.
    (cd "$work" && rm -f ./*.deb && apt-get -o APT::Sandbox::User=root -q download "${packages[@]}")
}

apt-cache show sendmail-bin >/dev/null 2>&1 || apt-get -q update
fetch || { apt-get -q update; fetch; }   # lists may be older than the archive

mkdir -p "$work/root"
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
binary="$work/root/usr/libexec/sendmail/sendmail"
chmod 0755 "$binary"   # without its setgid bit: it is nobody's mail system
libraries=$(find "$work/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
LD_LIBRARY_PATH="$libraries" ldd "$binary" | grep 'not found' && { echo "Sendmail's libraries are missing" >&2; exit 1; }
LD_LIBRARY_PATH="$libraries" "$work/root/usr/bin/m4" --version >/dev/null
mkdir -p "$(dirname "$folder")"
rm -rf "$folder"
mv "$work/root" "$folder"
touch "$folder/complete"
