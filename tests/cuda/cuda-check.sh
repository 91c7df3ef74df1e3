#!/usr/bin/env bash
# Does SemAim compute on this GPU what it computes on a CPU, and how fast?
#   cuda-check.sh pack [FOLDER]     with the .NET SDK: a self-contained program without libtorch (below 60 MB) and this script, as FOLDER/semaim-cuda-check.tar.gz
#   cuda-check.sh run [OPTIONS]     on the machine with the GPU, in the unpacked folder: needs an NVIDIA driver and a pip PyTorch 2.10 or newer, no .NET
# The interpreter whose PyTorch is used is python3, or what PYTHON names. The last line of standard output is one JSON object: parity of a small model with the CPU in fp32 and
# bf16, aim_base's step in bf16 called and replayed as graphs, utilisation. Where there is no PyTorch, no GPU, or a program that does not run, it is {"cuda":false,"error":…} and the
# exit code is 1.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
most=60000000

fail() {
    echo "cuda-check: $1" >&2
    printf '{"cuda":false,"error":"%s"}\n' "$(printf %s "$1" | tr '[:cntrl:]' ' ' | sed 's/[\\"]/\\&/g')"
    exit 1
}

case "${1:-}" in
pack)
    root=$(cd "$here/../.." && pwd)
    mkdir -p "${2:-$root/artifacts/cuda-check}"
    out=$(cd "${2:-$root/artifacts/cuda-check}" && pwd)
    rm -rf "$out/semaim-cuda-check" "$out/build"
    # of its own folder for what is built: a runtime identifier would unsettle the other builds
    dotnet publish "$root/SemAim.App" -c Release --artifacts-path "$out/build" -o "$out/semaim-cuda-check/app" -nologo -v q -p:LibTorch=external -p:Packed=true
    rm -rf "$out/build" "$out"/semaim-cuda-check/app/*.xml
    cp "${BASH_SOURCE[0]}" "$out/semaim-cuda-check/cuda-check.sh"
    size=$(du -sb "$out/semaim-cuda-check" | cut -f1)
    tar -C "$out" -czf "$out/semaim-cuda-check.tar.gz" semaim-cuda-check
    echo "$out/semaim-cuda-check.tar.gz: $(stat -c %s "$out/semaim-cuda-check.tar.gz") bytes, $size unpacked"
    [ "$size" -lt "$most" ] || { echo "cuda-check: $size bytes unpacked, more than $most" >&2; exit 1; }
    ! find "$out/semaim-cuda-check" -name 'libtorch*' | grep -q . || { echo "cuda-check: a libtorch was packed" >&2; exit 1; }
    ;;
run)
    shift
    [ -x "$here/app/semaim" ] || fail "there is no program $here/app/semaim; 'cuda-check.sh pack' makes it"
    python=${PYTHON:-python3}
    # where it is and which, without importing it
    found=$("$python" -c '
import importlib.util, os, re, sys
spec = importlib.util.find_spec("torch")
if spec is None or not spec.origin: sys.exit(1)
folder = os.path.dirname(spec.origin)
version = re.search(r"__version__\s*=\s*.([0-9]+\.[0-9]+)", open(os.path.join(folder, "version.py")).read())
print(version.group(1) if version else "0.0", folder)' 2>/dev/null) || fail "no PyTorch: '$python' has no module torch; pip install torch, or name another interpreter with PYTHON="
    version=${found%% *} torch=${found#* }
    [ "${version%%.*}" -gt 2 ] || { [ "${version%%.*}" -eq 2 ] && [ "${version#*.}" -ge 10 ]; } || fail "PyTorch $version in $torch is too old: the binding was built for libtorch 2.10"
    [ -e "$torch/lib/libtorch_cpu.so" ] || fail "PyTorch $version in $torch has no lib/libtorch_cpu.so"
    export SEMAIM_LIBTORCH="$torch/lib"
    for folder in "$torch/lib" "$(dirname "$torch")"/nvidia/*/lib; do
        [ -d "$folder" ] && LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder"
    done
    export LD_LIBRARY_PATH
    echo "cuda-check: PyTorch $version in $torch" >&2
    # a program that the machine cannot start, or that a library ends, says nothing itself
    code=0
    said=$("$here/app/semaim" cuda-check "$@") || code=$?
    case "$(tail -n 1 <<<"$said")" in
    '{'*'}') printf '%s\n' "$said"; exit "$code" ;;
    esac
    [ -z "$said" ] || printf '%s\n' "$said"
    fail "the program ended with code $code and no result; its last words are above"
    ;;
*)
    sed -n '2,7p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
