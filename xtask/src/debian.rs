//! Debian packages: which are missing, and installing them where that is allowed.

use crate::{Result, shell};
use std::process::{Command, Stdio};

/// Starts none of the services that the packages bring along.
const INSTALL: &str = r#"
if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update || echo "apt-get update failed; trying with the lists that are there"
apt-get install -y --no-install-recommends "$@"
"#;

/// One name a line; `#` begins a comment.
pub fn parse(list: &str) -> Vec<String> {
    let lines = list.lines().map(|line| line.split('#').next().unwrap_or("").trim());
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Sees to it that these packages are there. Where they cannot be installed, prints the command
/// that does, and fails on CI only: the tests then name what they skip.
pub fn provide(packages: &[String]) -> Result {
    let missing: Vec<String> = packages.iter().filter(|p| !is_installed(p)).cloned().collect();
    if missing.is_empty() {
        println!("{} Debian packages are there", packages.len());
        return Ok(());
    }
    let problem = match administrator() {
        Some(mut command) => {
            println!("installing {}", missing.join(" "));
            command.args(["sh", "-euc", INSTALL, "install"]).args(&missing);
            match command.stdin(Stdio::null()).status() {
                Ok(status) if status.success() => return Ok(()),
                Ok(status) => format!("apt-get: {status}"),
                Err(error) => format!("apt-get: {error}"),
            }
        }
        None => "some Debian packages are missing".to_owned(),
    };
    let advice = format!(
        "{problem}; to install them:\n    sudo apt-get update && sudo apt-get install -y \
         --no-install-recommends {}",
        missing.join(" ")
    );
    if shell::on_ci() {
        return Err(advice);
    }
    println!("{advice}\ngoing on without; tests that need them say so and are skipped");
    Ok(())
}

fn is_installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status}", package]);
    shell::output(&mut query).is_ok_and(|status| status == "installed")
}

/// What runs a command as root without asking anybody: `env`, or `sudo`.
fn administrator() -> Option<Command> {
    if !shell::installed("apt-get") {
        return None;
    }
    if shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0") {
        return Some(Command::new("env"));
    }
    let mut asked = Command::new("sudo");
    asked.args(["-n", "true"]);
    if !shell::installed("sudo") || shell::output(&mut asked).is_err() {
        return None;
    }
    let mut sudo = Command::new("sudo");
    sudo.arg("-n");
    Some(sudo)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_list_has_comments_and_empty_lines() {
        assert_eq!(super::parse("# real peers\nskopeo\n\npodman # 4.3\n"), ["skopeo", "podman"]);
    }
}
