//! A registry in `profiles.toml`, the login for it, and what is locked.

use super::Test;

impl Test {
    /// Adds `[registry]` with these lines to `profiles.toml`.
    pub fn registry(self, lines: &str) -> Self {
        let manifest = self.text("profiles.toml");
        let manifest = manifest.replacen(
            "[definition.",
            &format!("[registry]\n{lines}\n\n[definition."),
            1,
        );
        self.write("profiles.toml", manifest)
    }

    /// Names a repository in `profiles.toml`.
    pub fn repository(self, repository: &str) -> Self {
        self.registry(&format!("repository = \"{repository}\""))
    }

    /// Writes docker's `config.json` with this login for a registry, into the directory that
    /// `DOCKER_CONFIG` has to name.
    pub fn docker_login(&self, registry: &str, user: &str, password: &str) {
        let host = registry.split('/').next().unwrap();
        let pair = super::secrets::base64_of(format!("{user}:{password}").as_bytes());
        let text = serde_json::json!({"auths": {host: {"auth": pair}}});
        self.put("docker/config.json", text.to_string());
    }

    /// Returns an entry of `profiles.lock`.
    pub fn locked(&self, name: &str) -> edgestage::lockfile::LockEntry {
        let lock = edgestage::lockfile::Lockfile::load(&self.path("profiles.lock")).unwrap();
        lock.definitions.get(name).unwrap().clone()
    }
}
