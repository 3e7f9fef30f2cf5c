"""`mailrouter doctor`: reads a mail server's settings as they are, and says what is unsafe or missing."""

import grp
import json
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

import click

from router.cli.asking import RULES
from router.doctor import postfix, sendmail
from router.doctor.finding import Desk, Finding, Level, NoAnswer, Outside, Seen, worst
from router.doctor.postfix_files import main_cf, master_cf
from router.errors import BadInput

PLACES = "/usr/sbin:/usr/local/sbin:/sbin"
TIME_LIMIT_S = 10.0


@click.command("doctor")
@click.argument("mta", type=click.Choice(["postfix", "sendmail"]), default="postfix")
@RULES
@click.option(
    "--config",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Its configuration. Default: /etc/postfix or /etc/mail.",
)
@click.option("--listen", "spec", metavar="SPEC", help="Where the filter listens. Default: found by name or port 8891.")
@click.option("--snippet", is_flag=True, help="Only print what to paste into its configuration.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def doctor_command(mta: str, rules: Path, config: Path | None, spec: str | None, snippet: bool, as_json: bool) -> None:
    """Read the settings of Postfix or Sendmail as they are, and say what is unsafe or missing, each with the line that
    mends it. Nothing is changed. Exit status 4 when something is unsafe.

    \b
    mailrouter doctor postfix
    mailrouter doctor postfix --snippet
    mailrouter doctor sendmail --config /etc/mail
    """
    desk = _desk(rules, spec)
    if snippet:
        click.echo(postfix.snippet(desk) if mta == "postfix" else sendmail.snippet(desk))
        return
    found = _postfix(desk, config) if mta == "postfix" else _sendmail(desk, config or Path("/etc/mail"))
    if as_json:
        told = [{"level": one.level, "setting": one.setting, "why": one.why, "line": one.line} for one in found]
        click.echo(json.dumps({"ok": worst(found) is not Level.UNSAFE, "findings": told}, ensure_ascii=False))
    else:
        for one in found:
            click.echo(f"{one.level:<8} {one.setting}: {one.why}")
            if one.line:
                click.echo(f"{'':<8}     {one.line}")
        bad = sum(one.level is Level.UNSAFE for one in found)
        click.echo(f"{bad or 'nothing'} unsafe, {sum(one.level is Level.MISSING for one in found)} missing", err=True)
    if worst(found) is Level.UNSAFE:
        raise click.exceptions.Exit(4)


def _desk(rules: Path, spec: str | None) -> Desk:
    """What the rules say. Raises BadFile for rules that cannot be used."""
    from router.generation import load_generation
    from router.milter import listen

    if spec is not None:
        spec = str(listen.place(spec))
    ruleset = load_generation(rules, None).ruleset
    reply = ruleset.settings.reply
    return Desk(
        prefix=ruleset.prefix,
        authserv=tuple(sorted(ruleset.site.trusted_authserv)),
        intent_domain=str(reply.intent_domain) if reply and reply.intent_domain else None,
        address=next(iter(ruleset.site.queue_addresses), ""),
        spec=spec,
        helpdesk_prefixes=ruleset.site.helpdesk_prefixes,
    )


# ------------------------------------------------------------------------------------------------------------- Postfix
def _postfix(desk: Desk, config: Path | None) -> tuple[Finding, ...]:
    folder = config or Path("/etc/postfix")
    if not (folder / "main.cf").exists():
        raise BadInput(f"{folder / 'main.cf'}: is not there; --config DIR names the folder of Postfix's settings")
    program = shutil.which("postconf", path=f"{os.environ.get('PATH', '')}:{PLACES}")
    if program is None:
        settings, services = main_cf(_text(folder / "main.cf")), master_cf(_text(folder / "master.cf"))
    else:
        settings = main_cf(_said(program, "-c", str(folder)))
        services = master_cf(_said(program, "-c", str(folder), "-M"))
    outside = Outside(query=lambda table, key: _query(folder, table, key), look=_look)
    return postfix.look(postfix.Postfix(settings, services, desk, outside))


def _query(folder: Path, table: str, key: str) -> str | None:
    """As Postfix itself would find it. Raises NoAnswer."""
    program = shutil.which("postmap", path=f"{os.environ.get('PATH', '')}:{PLACES}")
    if program is None:
        raise NoAnswer("postmap is not installed")
    try:
        done = subprocess.run(
            [program, "-c", str(folder), "-q", key, table],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoAnswer(f"postmap: {error}") from None
    if done.returncode not in (0, 1) or "fatal" in done.stderr or "error" in done.stderr:
        raise NoAnswer(
            done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"postmap gave {done.returncode}"
        )
    return done.stdout.strip() or None


def _said(*command: str) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=TIME_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadInput(f"{command[0]}: {error}") from None
    if done.returncode != 0:
        raise BadInput(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _look(path: str) -> Seen | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NoAnswer(error.strerror or str(error)) from None
    kinds = {stat.S_IFSOCK: "socket", stat.S_IFDIR: "folder"}
    try:
        owner, group = pwd.getpwuid(found.st_uid).pw_name, grp.getgrgid(found.st_gid).gr_name
    except KeyError:
        owner, group = str(found.st_uid), str(found.st_gid)
    return Seen(kinds.get(stat.S_IFMT(found.st_mode), "file"), stat.S_IMODE(found.st_mode), owner, group)


# ------------------------------------------------------------------------------------------------------------ Sendmail
def _sendmail(desk: Desk, config: Path) -> tuple[Finding, ...]:
    for name, read in (("sendmail.cf", sendmail.cf), ("sendmail.mc", sendmail.mc)):
        if (config / name).exists():
            return sendmail.look(read(_text(config / name)), desk)
    raise BadInput(f"{config}: there is no sendmail.cf and no sendmail.mc; --config DIR names their folder")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
