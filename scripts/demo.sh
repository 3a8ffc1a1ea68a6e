#!/bin/sh
# Show branchmig at work on a temporary copy of the demo shop; `branchmig` must be on PATH.
# Leaves nothing behind: the copy, its SQLite file and its git repository go when the script ends.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The settings of whoever runs this (hooks, signing, editors, a template with hooks) must not leak in.
for name in $(env | sed -n -E 's/^(GIT_[A-Z0-9_]*|ALEMBIC_CONFIG|BRANCHMIG_[A-Z0-9_]*)=.*/\1/p'); do unset "$name"; done
mkdir "$scratch/home" "$scratch/templates" "$scratch/shop"
export HOME="$scratch/home" XDG_CONFIG_HOME="$scratch/home/.config"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_TEMPLATE_DIR="$scratch/templates"
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.com
export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.com

cp "$root/.gitignore" "$root/alembic.ini" "$scratch/shop"
cp -R "$root/migrations" "$scratch/shop"
cd "$scratch/shop"

title() { printf '\n── %s\n' "$*"; }

# Show a command as one would type it, then run it.
run() {
    printf '\n$'
    for word in "$@"; do
        case $word in
            *[!A-Za-z0-9_./:@=+-]*) printf ' "%s"' "$word" ;;
            *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    "$@"
}

# The same for a command whose answer is no: it must end with 1.
run_no() {
    run "$@" && exit 1
    [ $? -eq 1 ] || exit 1
    printf '(exit code 1)\n'
}

# Give the new revision $1 the bodies of upgrade() and downgrade(): $2 and $3.
write_bodies() {
    file=$(echo migrations/versions/"$1"_*.py)
    awk -v up="$2" -v down="$3" '
        /^    pass$/ { print "    " (seen++ ? down : up); next }
        { print }
        END { exit seen != 2 }
    ' "$file" >"$scratch/body"
    cp "$scratch/body" "$file"
    printf '\n(in %s)\n    %s\n' "$file" "$2"
}

title "A shop: two feature lines, joined by a merge revision"
run branchmig heads
run branchmig branches
run branchmig upgrade heads
run branchmig current
run branchmig history
run branchmig downgrade -1
run branchmig upgrade heads

title "A team: two git branches, a migration in each"
git init -q -b main
git add .
git commit -q -m "Open the shop"
git branch feature/wishlist

run git switch -q -c feature/gift-cards
run branchmig revision -m "create gift cards" --rev-id 6c1f0e9ab352
write_bodies 6c1f0e9ab352 \
    'op.create_table("gift_cards", sa.Column("code", sa.String(40), primary_key=True))' \
    'op.drop_table("gift_cards")'
git add .
run git commit -q -m "Create gift cards"

run git switch -q feature/wishlist
run branchmig revision -m "create wishlists" --rev-id a48d7730e5bc
write_bodies a48d7730e5bc \
    'op.create_table("wishlists", sa.Column("id", sa.Integer, primary_key=True))' \
    'op.drop_table("wishlists")'
git add .
run git commit -q -m "Create wishlists"

title "Two heads are seen before they land"
run git switch -q main
run git merge -q feature/gift-cards
run branchmig heads --with feature/wishlist
run_no branchmig guard --with feature/wishlist

title "Git sees no conflict, the graph would have two heads: the merge repairs itself"
run branchmig hooks install --fix
run git merge --no-edit feature/wishlist
run git status --short
run branchmig heads
run branchmig upgrade heads
run branchmig current

title "The database follows the checkout: what the other branch lacks is undone with its own scripts, and back"
run git switch -q feature/gift-cards
run branchmig status
run branchmig sync --yes
run branchmig switch --yes main

title "Did the order of the two lines matter? Both orders are run for real, on scratch databases"
run branchmig conflicts feature/wishlist --with feature/gift-cards --prove

title "Each branch keeps its rows: the wish is there again after a switch there and back"
row() { python3 -c "import sqlite3; c = sqlite3.connect('shop.db'); print(c.execute('$1').fetchall()); c.commit()"; }
run row "INSERT INTO wishlists (id) VALUES (7) RETURNING id"
run branchmig switch --keep feature/gift-cards
run branchmig switch --keep main
run row "SELECT id FROM wishlists"
run branchmig states
