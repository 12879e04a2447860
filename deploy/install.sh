#!/bin/bash
# Installs the kiosk on Debian or Raspberry Pi OS, so that it runs from the moment the machine has power.
# The way there, step by step: docs/deploy/debian.md
set -euo pipefail

usage() {
  cat <<'END'
usage: sudo deploy/install.sh [options]

Installs the kiosk and the visitor's screen from this checkout, or brings an installation up to date. It asks
nothing, may be run as often as you like, and leaves your settings (/etc/vernissage) alone.

  --no-screen      the kiosk alone, without the browser on this machine's screen
  --network        let the kiosk reach other machines, and be reached: for network cameras, visitors' telephones,
                   /admin from the office (which machines may is decided by `host` in the settings and your firewall)
  --no-network     take that back (default: as it is; at first: this machine alone)
  --wheels FOLDER  Python packages that were fetched before (default: the folder wheels/ here, if there is one);
                   with them no network is needed. docs/deploy/debian.md says how to fetch them
  --destdir FOLDER install into this folder, to make an image of: no packages, no users, nothing is started
  --dry-run        say what would be done, and do nothing
  --uninstall      remove everything but the settings
  --purge          remove the settings and the users too
  --help           this

What goes where:
  /opt/vernissage                       the program (a link to vernissage.a or .b: the other is the one before)
  /etc/vernissage/kiosk.toml            your settings
  /etc/default/vernissage-screen        the screen's address and flags
  /var/lib/vernissage/bundles           other bundles, for /admin to choose from
  /etc/systemd/system                   vernissage.service, vernissage-screen.service
  /etc/chromium/policies/managed        what the browser must not do

examples:
  sudo deploy/install.sh
  sudo deploy/install.sh --no-screen --network
  sudo deploy/install.sh --wheels /media/usb/wheels
  sudo deploy/install.sh --dry-run
END
}

die() {
  echo "install.sh: $*" >&2
  exit 1
}

screen=yes network=keep wheels='' dest='' dry='' action=install
while [ $# -gt 0 ]; do
  case $1 in
    --no-screen) screen='' ;;
    --network) network=yes ;;
    --no-network) network='' ;;
    --wheels | --destdir)
      [ -n "${2:-}" ] || die "$1 needs a folder (--help shows examples)"
      if [ "$1" = --wheels ]; then wheels=$2; else dest=$2; fi
      shift
      ;;
    --wheels=* | --destdir=*)
      # Empty, as of a variable that is not set, it would install on this very machine.
      [ -n "${1#*=}" ] || die "${1%%=*} needs a folder (--help shows examples)"
      if [ "${1%%=*}" = --wheels ]; then wheels=${1#*=}; else dest=${1#*=}; fi
      ;;
    --dry-run) dry=yes ;;
    --uninstall) action=uninstall ;;
    --purge) action=purge ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) die "$1 is no option (--help shows them)" ;;
  esac
  shift
done

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[ -z "$wheels" ] && [ -d "$here/wheels" ] && wheels=$here/wheels
[ -z "$wheels" ] || [ -d "$wheels" ] || die "$wheels is no folder"
[ -z "$wheels" ] || wheels=$(cd "$wheels" && pwd)
if [ -n "$dest" ] && [ -z "$dry" ]; then
  mkdir -p "$dest"
  dest=$(cd "$dest" && pwd)
fi

units=$dest/etc/systemd/system
dropin=$units/vernissage.service.d/network.conf
rooms=(bundle kiosk models/default requirements/kiosk.lock deploy docs/deploy LICENSE)
# Raspberry Pi OS has looked for them under the second name.
policies=("$dest/etc/chromium/policies/managed" "$dest/etc/chromium-browser/policies/managed")

# --- doing, or saying ---------------------------------------------------------------------------------

run() {
  if [ -n "$dry" ]; then
    printf '  %s\n' "${*@Q}"
  else
    "$@"
  fi
}

say() { echo "install.sh: $*"; }

# put SOURCE TARGET [MODE]: a file with its folders.
put() { run install -D -m "${3:-644}" "$1" "$2"; }

# put_once SOURCE TARGET [MODE]: only where there is none; what you changed stays.
put_once() {
  if [ -e "$2" ]; then
    say "$2 stays as it is"
  else
    put "$@"
  fi
}

# Whether this is the machine that is installed on, and systemd runs it.
is_live() { [ -z "$dest" ] && [ -d /run/systemd/system ]; }

control() {
  if [ -n "$dest" ]; then
    run systemctl --root="$dest" "$@"
  else
    run systemctl "$@"
  fi
}

# --- what must be there -------------------------------------------------------------------------------

check_machine() {
  [ -n "$dry" ] || [ -n "$dest" ] || [ "$(id -u)" = 0 ] || die 'this needs root: sudo deploy/install.sh'
  local machine
  machine=$(uname -m)
  case $machine in
    x86_64 | aarch64) ;;
    *) die "$machine: ONNX Runtime has no package for it; take a 64-bit system (on a Raspberry Pi: the 64-bit image)" ;;
  esac
  command -v systemctl >/dev/null || die 'this needs systemd; docs/deploy/container.md is for systems without'
  for room in "${rooms[@]}"; do
    [ -e "$here/$room" ] || die "$here/$room is missing: run this from a complete checkout"
  done
}

# Debian packages, fetched only where something is missing: with all of them there, no network is needed.
install_packages() {
  local missing=()
  has() { command -v "$1" >/dev/null 2>&1 || [ -x "$1" ]; }
  has python3 || missing+=(python3)
  { has python3 && python3 -c 'import ensurepip' 2>/dev/null; } || missing+=(python3-venv)
  if [ -n "$screen" ]; then
    has cage || missing+=(cage)
    # cage does not start without it, though Debian only recommends it.
    has Xwayland || missing+=(xwayland)
    has seatd || has /usr/sbin/seatd || missing+=(seatd)
    has chromium || has chromium-browser || missing+=(chromium)
    # The graphics processor's drivers, and the letters of the languages that the screen speaks.
    for package in libgl1-mesa-dri fonts-noto-core fonts-noto-cjk; do
      dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
  fi
  [ ${#missing[@]} -gt 0 ] || return 0
  say "Debian packages: ${missing[*]}"
  # An index that cannot be renewed may still do for what it lists.
  run apt-get update || say 'apt-get update failed; going on with the packages that it knew of before'
  run env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" ||
    die "apt-get could not install ${missing[*]}: connect the network and run this again, or install them from elsewhere" \
      'before (docs/deploy/debian.md, "Without network")'
}

check_python() {
  [ -n "$dry" ] && ! command -v python3 >/dev/null && return
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "Python $(python3 -V | cut -d' ' -f2) is too old: 3.11 or newer is needed (Debian 12, Raspberry Pi OS of 2023)"
}

# --- the program --------------------------------------------------------------------------------------

# The way out where pip failed.
packages_from_elsewhere() {
  if [ -n "$wheels" ]; then
    echo "$wheels must hold all of requirements/kiosk.lock for Python $(python3 -V | cut -d' ' -f2): fetch them anew with" \
      'pip download (docs/deploy/debian.md, "Without network")'
  else
    echo 'Connect the network and run this again, or fetch them elsewhere with pip download and give --wheels FOLDER' \
      '(docs/deploy/debian.md, "Without network")'
  fi
}

# Beside the running one, and swapped in at last by renaming a link: whenever the power goes, /opt/vernissage is the old
# program or the new one, and whole.
install_program() {
  local opt=$dest/opt old next place lock
  old=$(readlink "$opt/vernissage" || true)
  if [ "$old" = vernissage.a ]; then next=vernissage.b; else next=vernissage.a; fi
  place=$opt/$next
  run rm -rf "$place"
  run mkdir -p "$place"
  for room in "${rooms[@]}"; do
    run mkdir -p "$place/$(dirname "$room")"
    run cp -R "$here/$room" "$place/$room"
  done
  # What an image or a checkout left behind, and what nobody but root may change.
  run find "$place" -name __pycache__ -prune -exec rm -rf {} +
  run chmod -R u=rwX,go=rX "$place"

  # The packages are those of the lock file for this Python: they are made anew only where either changed.
  lock=$({ cat "$here/requirements/kiosk.lock" && python3 -VV; } | sha256sum | cut -c -64)
  if [ -n "$old" ] && [ "$(cat "$opt/$old/.venv/made-of" 2>/dev/null)" = "$lock" ]; then
    run cp -al "$opt/$old/.venv" "$place/.venv"
  else
    say "Python packages from ${wheels:-the package index}"
    run python3 -m venv "$place/.venv" || die 'python3 -m venv failed: apt-get install python3-venv, and run this again'
    run "$place/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-compile \
      --require-hashes --no-deps --only-binary=:all: ${wheels:+--no-index --find-links "$wheels"} \
      -r "$here/requirements/kiosk.lock" || die "the Python packages could not be installed; what runs now stays as it is." \
      "$(packages_from_elsewhere)"
    # Now, because the kiosk may not write there later.
    run "$place/.venv/bin/python" -m compileall -q "$place/.venv/lib" || true
    [ -n "$dry" ] || echo "$lock" >"$place/.venv/made-of"
  fi
  run "$place/.venv/bin/python" -m compileall -q "$place/bundle" "$place/kiosk"
  run sync -f "$opt"
  run ln -sfn "$next" "$opt/vernissage.new"
  run mv -T "$opt/vernissage.new" "$opt/vernissage"
}

install_settings() {
  put_once "$here/deploy/kiosk.toml" "$dest/etc/vernissage/kiosk.toml" 640
  put "$here/deploy/systemd/vernissage.sysusers" "$dest/usr/lib/sysusers.d/vernissage.conf"
  put "$here/deploy/systemd/vernissage.tmpfiles" "$dest/usr/lib/tmpfiles.d/vernissage.conf"
  if [ -z "$dest" ]; then
    run systemd-sysusers vernissage.conf
    run systemd-tmpfiles --create vernissage.conf
  fi
}

install_units() {
  put "$here/deploy/systemd/vernissage.service" "$units/vernissage.service"
  case $network in
    yes) put "$here/deploy/systemd/network.conf" "$dropin" ;;
    '') run rm -f "$dropin" ;;
  esac
  if [ -n "$screen" ]; then
    put "$here/deploy/systemd/vernissage-screen.service" "$units/vernissage-screen.service"
    put_once "$here/deploy/screen/screen.env" "$dest/etc/default/vernissage-screen"
    for folder in "${policies[@]}"; do
      put "$here/deploy/screen/policies.json" "$folder/vernissage.json"
    done
  elif [ -e "$units/vernissage-screen.service" ]; then
    remove_screen
  fi
}

start_all() {
  ! is_live || run systemctl daemon-reload
  control enable --quiet vernissage.service
  if [ -n "$screen" ]; then
    control enable --quiet vernissage-screen.service
    # The first console is the screen's. The others (Ctrl-Alt-F2) keep their login.
    control disable --quiet getty@tty1.service || true
    if [ -z "$dest" ] && systemctl is-enabled --quiet display-manager.service 2>/dev/null; then
      say 'a desktop is installed, and would take the screen; give it up with: systemctl set-default multi-user.target'
    fi
  fi
  # Whatever the power does from now on.
  run sync
  if is_live; then
    run systemctl restart vernissage.service
    [ -z "$screen" ] || run systemctl restart --no-block vernissage-screen.service
    say 'running; see: systemctl status vernissage'
  else
    say 'installed; it starts with the machine'
  fi
}

# --- and back -----------------------------------------------------------------------------------------

remove_screen() {
  ! is_live || run systemctl stop vernissage-screen.service || true
  control disable --quiet vernissage-screen.service || true
  run rm -f "$units/vernissage-screen.service"
  for folder in "${policies[@]}"; do
    run rm -f "$folder/vernissage.json"
  done
  control enable --quiet getty@tty1.service || true
}

uninstall() {
  if [ -e "$units/vernissage-screen.service" ]; then
    remove_screen
  fi
  if [ -e "$units/vernissage.service" ]; then
    ! is_live || run systemctl stop vernissage.service || true
    control disable --quiet vernissage.service || true
  fi
  run rm -rf "$units/vernissage.service" "$units/vernissage.service.d" "$units/vernissage-screen.service.d"
  run rm -rf "$dest/opt/vernissage" "$dest/opt/vernissage.a" "$dest/opt/vernissage.b" "$dest/opt/vernissage.new"
  run rm -f "$dest/usr/lib/sysusers.d/vernissage.conf" "$dest/usr/lib/tmpfiles.d/vernissage.conf"
  ! is_live || run systemctl daemon-reload
  if [ "$action" = purge ]; then
    run rm -rf "$dest/etc/vernissage" "$dest/etc/default/vernissage-screen" "$dest/var/lib/vernissage"
    if [ -z "$dest" ]; then
      for user in vernissage vernissage-screen; do
        ! getent passwd "$user" >/dev/null || run userdel "$user"
      done
    fi
    say 'removed, with the settings'
  else
    say "removed; the settings stay in $dest/etc/vernissage (--purge removes them, and bundles of your own)"
  fi
}

if [ "$action" = install ]; then
  check_machine
  [ -n "$dest" ] || install_packages
  check_python
  install_program
  install_settings
  install_units
  start_all
else
  [ -n "$dry" ] || [ -n "$dest" ] || [ "$(id -u)" = 0 ] || die 'this needs root: sudo deploy/install.sh --uninstall'
  uninstall
fi
