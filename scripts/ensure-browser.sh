#!/usr/bin/env bash
# Sees to it that there is a Chromium that tests of the page can start. Installs Debian's where it may.
#
# SILVERBULLET_BROWSER names another one.
set -euo pipefail

browser="${SILVERBULLET_BROWSER:-}"
if [[ -n $browser ]]; then
    [[ -x $browser ]] && exit 0
    echo "Missing: $browser, which SILVERBULLET_BROWSER names, is no program" >&2
    exit 1
fi
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && exit 0
done

if command -v apt-get >/dev/null; then
    if ((EUID == 0)); then
        as_root=()
    elif sudo -n true 2>/dev/null; then
        as_root=(sudo -n)
    else
        as_root=(false)
    fi
    echo "Installing Chromium for the tests of the page (Debian package chromium)"
    if "${as_root[@]}" apt-get update -qq && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends chromium >/dev/null && command -v chromium >/dev/null; then
        exit 0
    fi
fi
cat >&2 <<'TEXT'
Missing: a Chromium, which the tests of the page drive
  Debian, Ubuntu:  sudo apt-get install -y chromium
  Fedora:          sudo dnf install -y chromium
  macOS:           brew install --cask chromium
Or name one by SILVERBULLET_BROWSER=/path/to/chromium
TEXT
exit 1
