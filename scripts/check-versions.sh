#!/usr/bin/env bash
# The Rust version stands in several files: they must agree. So must the versions of our own crates.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=0
fail() {
    echo "check-versions: $1" >&2
    failed=1
}

toolchain="$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)"
minimum="$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml)"
[[ $toolchain =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "rust-toolchain.toml names no exact version: '$toolchain'"
[[ $minimum =~ ^[0-9]+\.[0-9]+$ ]] || fail "Cargo.toml names no rust-version such as 1.95: '$minimum'"
[[ ${toolchain%.*} == "$minimum" ]] ||
    fail "rust-toolchain.toml has $toolchain, but rust-version in Cargo.toml is $minimum"
grep -q "Rust $minimum" README.md || fail "README.md does not say Rust $minimum"

manifests=(rust/*/Cargo.toml)
((${#manifests[@]} >= 6)) || fail "found only ${#manifests[@]} crates in rust/"
for manifest in "${manifests[@]}"; do
    for field in version edition rust-version license publish; do
        grep -q "^$field.workspace = true$" "$manifest" || fail "$manifest: $field.workspace = true is missing"
    done
    [[ -f "$(dirname "$manifest")/README.md" ]] || fail "$(dirname "$manifest") has no README.md"
done

# Versions stand in the workspace's manifest and nowhere else.
if own="$(grep -nE '^[a-z0-9_-]+ *= *("|\{.*version)' "${manifests[@]}" | grep -vE ':(name|description|path|readme) *=')"; then
    fail "a version outside the workspace's manifest: $own"
fi

# The notebooks run in the environment of Spark: a package that both lists name must have one version.
pins() { sed -n 's/^\([a-z0-9_.-]*==[^ ]*\) .*/\1/p' "$1"; }
names() { sed 's/==.*//' <<<"$1" | LC_ALL=C sort; }
spark="$(pins python/requirements-spark.txt)" notebooks="$(pins python/requirements-notebooks.txt)"
both="$(LC_ALL=C comm -12 <(names "$spark") <(names "$notebooks"))"
[[ $both == *numpy* ]] || fail "requirements-notebooks.txt and requirements-spark.txt share no numpy"
for name in $both; do
    wanted="$(grep "^$name==" <<<"$spark")" found="$(grep "^$name==" <<<"$notebooks")"
    [[ $wanted == "$found" ]] || fail "requirements-notebooks.txt has $found, but Spark's environment has $wanted"
done

((failed)) || echo "check-versions: Rust $toolchain, ${#manifests[@]} crates agree"
exit "$failed"
