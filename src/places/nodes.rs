//! Machines that do one task each, through whatever the site has for that: OpenSSH, or a scheduler. sealift
//! brings no scheduler of its own; the site's commands are the interface, as they are for engines, and find
//! the cluster and who asks as the user's own calls of them do.

mod calls;
mod condor;
mod condor_states;
mod dispatcher;
mod end;
mod kubernetes;
mod kubernetes_job;
mod kubernetes_options;
mod kubernetes_said;
mod name;
mod script;
mod sent;
mod slurm;
mod slurm_states;
mod ssh;

pub use self::calls::NodeCall;
pub use self::condor::{CondorOptions, CondorPool};
pub use self::dispatcher::{Dispatcher, FoundNode, NodeState};
pub use self::end::NodeEnd;
pub use self::kubernetes::KubernetesNodes;
pub use self::kubernetes_options::KubernetesOptions;
pub use self::name::{NodeName, node_names};
pub use self::script::{NodeTask, StoppedBy};
pub use self::sent::SentBundle;
pub use self::slurm::{Slurm, SlurmOptions};
pub use self::ssh::Ssh;
