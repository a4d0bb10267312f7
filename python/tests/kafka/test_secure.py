"""TLS and a password, as a cluster at work has them: the settings go through to the client library, and stay secret."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker import Broker
from live import Ask, Start, wait_for_end
from service import PROJECT, wait_until

PASSWORD = "correct horse"
STORE = "keystore-password"


class Secure:
    """A broker that talks TLS only, to those who know a password."""

    def __init__(self, broker: Broker, certificate: Path) -> None:
        self.broker, self.certificate = broker, certificate


@pytest.fixture(scope="module")
def secure(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    """The broker, with a certificate of its own."""
    folder = tmp_path_factory.mktemp("secrets")
    keys, certificate = folder / "keys.p12", folder / "certificate.pem"
    store = ["-keystore", keys, "-storetype", "PKCS12", "-storepass", STORE, "-alias", "broker"]
    subprocess.run(
        ["keytool", "-genkeypair", *store, "-keyalg", "EC", "-dname", "CN=127.0.0.1", "-ext", "SAN=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    with certificate.open("wb") as out:
        subprocess.run(["keytool", "-exportcert", "-rfc", *store], check=True, stdout=out, stderr=subprocess.DEVNULL)
    broker = Broker(project, project / "brokers" / "secure")
    broker.start()
    broker.stop()
    (plain,) = broker.folder.glob("*.properties")
    lines = plain.read_text().replace("PLAINTEXT://", "SASL_SSL://").replace("PLAINTEXT:PLAINTEXT,", "SASL_SSL:SASL_SSL,")
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    users = f'username="broker" password="of the broker" user_broker="of the broker" user_trader="{PASSWORD}"'
    config = folder / "secure.properties"
    config.write_text(
        f"""{lines}
inter.broker.listener.name=SASL_SSL
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config={login} {users};
ssl.keystore.type=PKCS12
ssl.keystore.location={keys}
ssl.keystore.password={STORE}
ssl.truststore.type=PEM
ssl.truststore.location={certificate}
"""
    )
    done = broker.script("bin/kafka-start.sh", "--config", str(config))
    assert done.returncode == 0, done.stdout + done.stderr
    yield Secure(broker, certificate)
    broker.stop()


def settings_with(secure: Secure, password: str = PASSWORD) -> str:
    """Settings that let the program in."""
    return f"""
[kafka.properties]
"security.protocol" = "SASL_SSL"
"sasl.mechanism" = "PLAIN"
"sasl.username" = "trader"
"sasl.password" = "{password}"
"ssl.ca.location" = "{secure.certificate}"
[universes.default]
window = 20
samples = 64
"""


@pytest.fixture
def settings(secure: Secure) -> str:
    """Those of the secure broker."""
    return settings_with(secure)


def test_prices_go_in_and_out_and_the_password_stays_where_it_is(secure: Secure, start: Start, ask: Ask, tmp_path: Path) -> None:
    """Produced, answered, sent on, made again, all through TLS and SASL; nothing that is shown or kept has the password."""
    broker = secure.broker
    sample = PROJECT / "setup" / "kafka" / "sample-prices.csv"
    sent = ask("produce", "--brokers", broker.address, "--topic", "safe", "--create-topic", "--csv", sample, "--speed", "max")
    assert sent.returncode == 0, sent.stderr
    summary = wait_for_end(start(broker, "safe", "data", "--no-http", "--stop-at-end"), 60)
    assert summary["ticks"] > 100
    replay = ask("replay", "--data", "data")
    assert replay.returncode == 0, replay.stdout + replay.stderr
    shown = [ask("config").stdout, ask("config", "--format", "json").stdout, ask("sql", "select * from runs", "--data", "data").stdout]
    shown.append((tmp_path / "said").read_text())
    assert not any(PASSWORD in text for text in shown) and "(hidden)" in shown[0]
    kept = [path for path in (tmp_path / "data").rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert kept == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ((f'"{PASSWORD}"', '"guessed"'), "Authentication failed"),
        (('"SASL_SSL"', '"PLAINTEXT"'), "asks for TLS or a password"),
        (("ssl.ca.location", "ssl.crl.location"), "certificate"),
    ],
)
def test_who_does_not_get_in_is_told_why(
    secure: Secure, start: Start, settings: str, tmp_path: Path, wrong: tuple[str, str], message: str
) -> None:
    """One line with the broker's reason, tried again until a person ends it."""
    assert wrong[0] in settings
    (tmp_path / "silverbullet.toml").write_text(settings.replace(*wrong))
    run = start(secure.broker, "safe", "other", "--no-http")
    said = tmp_path / "said"
    wait_until(lambda: "waiting for Kafka: " in said.read_text(), "it says that it waits", 40)
    wait_until(lambda: message.lower() in said.read_text().lower() or time.sleep(1), f"it says: {message}", 20)
    assert run.poll() is None
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=30)
    assert run.returncode == 130
