//! What is attacked: `squall echo`, the same with TLS, the chat room, and a client of ours.

use std::{fs, io, net::TcpListener, path::PathBuf, process::Command, sync::Mutex, time::Duration};

use squall_io::tls;
use squall_testkit::certificates::Authority;

use crate::{
    Attack, connections, descriptors, floods,
    health::Honest,
    hostile, messages,
    process::Process,
    tls_handshakes, web,
    wire::{HOST, Peer, Target},
};

/// The largest message that everybody takes but the chat room.
pub(crate) const MESSAGE_LIMIT: usize = 1 << 20;

/// How many connections there are of those that cost little each.
pub(crate) const MANY: u64 = 400;

/// How long a handshake may take.
pub(crate) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(2);

/// How long a silent peer may stay: until the ping, until its timeout, and until the close timeout.
pub(crate) const SILENCE_LIMIT: Duration = Duration::from_secs(2 + 2 + 1);

/// A process, how to get at it, and who attacks it.
pub(crate) struct Scene {
    pub(crate) name: String,
    pub(crate) process: Process,
    /// Where the process listens; where it is a client, this is where it connects to.
    pub(crate) target: Target,
    /// Where the process connects to, if it is a client.
    pub(crate) listener: Option<TcpListener>,
    pub(crate) honest: Honest,
    pub(crate) attacks: Vec<&'static Attack>,
    /// How long a flood lasts, and whoever is slow.
    pub(crate) duration: Duration,
    /// How many connections an attacker opens who opens many.
    pub(crate) many: u64,
    /// What TLS costs for each connection, in bytes.
    pub(crate) tls_each: u64,
}

/// What all scenes are built of.
pub(crate) struct Stage {
    pub(crate) squall: PathBuf,
    pub(crate) runtime: String,
    pub(crate) duration: Duration,
    pub(crate) many: u64,
}

impl Stage {
    /// The plain echo, with compression.
    pub(crate) fn echo(&self) -> io::Result<Scene> {
        let (process, address) = Process::start_server(self.echo_command().arg("--deflate"))?;
        let target = Target { address, path: "/", tls: None };
        let groups =
            [floods::ATTACKS.iter(), messages::ATTACKS.iter(), connections::ATTACKS.iter()];
        let attacks = groups.into_iter().flatten().collect();
        Ok(self.scene("squall echo --deflate", process, target, attacks))
    }

    /// The echo with TLS.
    pub(crate) fn secure_echo(&self) -> io::Result<Scene> {
        let authority = Authority::new();
        let identity = authority.issue(HOST);
        let folder = tempfile::tempdir()?;
        let (certificate, key) = (folder.path().join("certificate"), folder.path().join("key"));
        fs::write(&certificate, identity.certificate)?;
        fs::write(&key, identity.key)?;
        let mut command = self.echo_command();
        command.arg("--deflate").arg("--tls-cert").arg(certificate).arg("--tls-key").arg(key);
        let (process, address) = Process::start_server(&mut command)?;
        let roots = tls::client_config_with_roots(authority.pem().as_bytes());
        let target = Target { address, path: "/", tls: Some(roots.map_err(io::Error::other)?) };
        let mut attacks: Vec<_> = tls_handshakes::ATTACKS.iter().collect();
        let names = ["ping flood", "declared", "bombs", "slow readers", "churn", "half-open"];
        let groups =
            [floods::ATTACKS.iter(), messages::ATTACKS.iter(), connections::ATTACKS.iter()];
        let known = groups.into_iter().flatten();
        attacks.extend(known.filter(|attack| names.iter().any(|name| attack.name.contains(name))));
        let scene = self.scene("squall echo --deflate with TLS", process, target, attacks);
        Ok(Scene { tls_each: 64 << 10, ..scene })
    }

    /// An echo that has 64 descriptors.
    pub(crate) fn poor_echo(&self) -> io::Result<Scene> {
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"ulimit -n 64; exec "$0" "$@""#]).arg(&self.squall);
        shell.args(self.echo_command().get_args());
        let (process, address) = Process::start_server(&mut shell)?;
        let target = Target { address, path: "/", tls: None };
        let attacks = descriptors::ATTACKS.iter().collect();
        // Newcomers have to wait; who is there already does not.
        let honest = Honest::One(Mutex::new(Peer::connect(&target)?));
        let scene = self.scene("squall echo with 64 descriptors", process, target, attacks);
        Ok(Scene { honest, ..scene })
    }

    /// The chat room: the web layer.
    pub(crate) fn chat(&self) -> io::Result<Scene> {
        let mut command = Command::new(&self.squall);
        command.args(["chat", "--bind", "127.0.0.1:0", "--runtime", &self.runtime]);
        let (process, address) = Process::start_server(&mut command)?;
        let target = Target { address, path: "/ws", tls: None };
        let attacks = web::ATTACKS.iter().collect();
        let scene = self.scene("squall chat", process, target.clone(), attacks);
        Ok(Scene { honest: Honest::OfChat(target), ..scene })
    }

    /// A client of ours.
    pub(crate) fn client(&self) -> io::Result<Scene> {
        let honest = TcpListener::bind("127.0.0.1:0")?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let target = Target { address: listener.local_addr()?, path: "/", tls: None };
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--runtime", &self.runtime, "--echo-client"]);
        command.args([honest.local_addr()?.to_string(), target.address.to_string()]);
        let (process, _) = Process::start(&mut command)?;
        let (stream, _) = honest.accept()?;
        let peer = Mutex::new(Peer::accept(stream, false)?);
        let attacks = hostile::ATTACKS.iter().collect();
        let scene = self.scene("a client", process, target, attacks);
        Ok(Scene { honest: Honest::One(peer), listener: Some(listener), ..scene })
    }

    fn scene(
        &self,
        name: &str,
        process: Process,
        target: Target,
        attacks: Vec<&'static Attack>,
    ) -> Scene {
        Scene {
            name: format!("{name}, on {}", self.runtime),
            process,
            honest: Honest::OfEcho(target.clone()),
            target,
            listener: None,
            attacks,
            duration: self.duration,
            many: self.many,
            tls_each: 0,
        }
    }

    /// An echo with limits that an attack reaches within seconds.
    fn echo_command(&self) -> Command {
        let limit = MESSAGE_LIMIT.to_string();
        let mut command = Command::new(&self.squall);
        command
            .args(["echo", "--bind", "127.0.0.1:0", "--runtime", &self.runtime])
            .args(["--max-message-size", &limit, "--max-frame-size", &limit])
            .args(["--handshake-timeout", "2", "--close-timeout", "1"])
            .args(["--ping-interval", "2", "--ping-timeout", "2"]);
        command
    }
}
