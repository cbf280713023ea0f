"""What the numbers were measured on, and what the processes used."""

import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path

MIB = 1024 * 1024


def peak_bytes(pid: int) -> int:
    """The most memory that a process ever held."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def cpu_seconds(pid: int) -> float:
    """Processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy_seconds() -> float:
    """Processor time of the whole machine, that of other guests of the host included."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, fields[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def load() -> str:
    """Load average over one minute."""
    return f"{os.getloadavg()[0]:.2f}"


def described() -> list[tuple[str, str]]:
    """The machine, for the report."""
    cpu = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return [
        ("Machine", f"{os.cpu_count()} x {cpu}, {memory / 1024**3:.1f} GiB"),
        ("System", f"{platform.system()} {platform.release()}, Python {platform.python_version()}"),
    ]


def commit(folder: Path) -> str:
    """The commit of the suite, with a mark if tracked files differ from it."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def now() -> str:
    """The time of the run."""
    return f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC"
