//! [`Remedy`]: something that could be done, as hints name it.

/// Something that could be asked for differently. A hint holds it as what it is, so that each user of
/// the library names it as his own users know it: the command line by its options, and whoever
/// reads the hint as it is by the field of a request, or the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is the field or the function that `name` names")]
pub enum Remedy {
    AllowRedirects,
    AuthFiles,
    CertDir,
    ChunkSize,
    CreateProjects,
    Except,
    Existing,
    Export,
    Flatten,
    IgnoreQuota,
    Inspect,
    Login,
    Logout,
    NameTemplate,
    NoReferrers,
    Only,
    Output,
    Passphrase,
    PlainHttp,
    Platform,
    PublicProjects,
    RewriteIndex,
    Rules,
    SkipUnreadable,
    StorageQuota,
    Tags,
    To,
    ToOci,
    Trust,
}

impl Remedy {
    /// All of them, for whoever has a name for each.
    pub const ALL: &[Remedy] = &[
        Remedy::AllowRedirects,
        Remedy::AuthFiles,
        Remedy::CertDir,
        Remedy::ChunkSize,
        Remedy::CreateProjects,
        Remedy::Except,
        Remedy::Existing,
        Remedy::Export,
        Remedy::Flatten,
        Remedy::IgnoreQuota,
        Remedy::Inspect,
        Remedy::Login,
        Remedy::Logout,
        Remedy::NameTemplate,
        Remedy::NoReferrers,
        Remedy::Only,
        Remedy::Output,
        Remedy::Passphrase,
        Remedy::PlainHttp,
        Remedy::Platform,
        Remedy::PublicProjects,
        Remedy::RewriteIndex,
        Remedy::Rules,
        Remedy::SkipUnreadable,
        Remedy::StorageQuota,
        Remedy::Tags,
        Remedy::To,
        Remedy::ToOci,
        Remedy::Trust,
    ];

    /// The field of a request or of the settings, or the function, that does it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Remedy::AllowRedirects => "allow_redirects",
            Remedy::AuthFiles => "auth_files",
            Remedy::CertDir => "cert_dir",
            Remedy::ChunkSize => "chunk_size",
            Remedy::CreateProjects => "projects.create",
            Remedy::Except => "except",
            Remedy::Existing => "existing",
            Remedy::Export => "export",
            Remedy::Flatten => "flatten",
            Remedy::IgnoreQuota => "projects.ignore_quota",
            Remedy::Inspect => "inspect",
            Remedy::Login => "login",
            Remedy::Logout => "logout",
            Remedy::NameTemplate => "filing.template",
            Remedy::NoReferrers => "no_referrers",
            Remedy::Only => "only",
            Remedy::Output => "output",
            Remedy::Passphrase => "passphrase",
            Remedy::PlainHttp => "plain_http",
            Remedy::Platform => "platform",
            Remedy::PublicProjects => "projects.public",
            Remedy::RewriteIndex => "rewrite_index",
            Remedy::Rules => "rules",
            Remedy::SkipUnreadable => "skip_unreadable",
            Remedy::StorageQuota => "projects.quota",
            Remedy::Tags => "tags",
            Remedy::To => "to",
            Remedy::ToOci => "to_oci",
            Remedy::Trust => "trust",
        }
    }
}
