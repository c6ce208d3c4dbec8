#!/bin/sh
# Make the secrets that compose.yaml names, once: a random password of PostgreSQL, and the address that has it.
set -eu
umask 077
cd "$(dirname "$0")/.."
if [ -e secrets/database_password ]; then
    echo "secrets/ is there already; nothing is changed."
    exit 0
fi
mkdir -p secrets
password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
printf '%s' "$password" >secrets/database_password
printf 'postgresql://marrowscope:%s@database/marrowscope' "$password" >secrets/database
# The containers' users must read them; the folder stays closed to others on this machine.
chmod 0444 secrets/database secrets/database_password
echo "secrets/database and secrets/database_password are made. Keep a copy in a safe place."
