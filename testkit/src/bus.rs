//! A bus that stands before another, and decides what becomes of calls.

/// Implements the trait `Bus` for a type that stands before another bus.
///
/// - `self.bus` is that other one, or what dereferences to it and has some of the
///   verbs as methods of its own: those are called in place of the bus's.
/// - `self.pass` lets a call pass that may fail, perhaps late, more than once, or
///   not at all:
///
/// ```text
/// async fn pass<T, F>(&self, call: impl Fn() -> F) -> Result<T, BusError>
/// where
///     F: Future<Output = Result<T, BusError>>,
/// ```
#[macro_export]
macro_rules! bus_before_another {
    ($before:ty) => {
        $crate::bus_before_another! {
            $before:
            ping() -> ::std::time::Duration;
            accept(question: &::causerie_shared::bus::question::Question)
                -> ::causerie_shared::bus::question::Accepted;
            receipt(question: &::causerie_shared::bus::question::Question)
                -> Option<::causerie_shared::bus::question::Receipt>;
            publish(room: &::causerie_shared::room::RoomKey,
                record: &::causerie_shared::record::Record) -> ();
            post(posting: &::causerie_shared::bus::posting::Posting)
                -> ::causerie_shared::bus::posting::Posted;
            delete(deletion: &::causerie_shared::bus::deletion::Deletion)
                -> ::causerie_shared::bus::deletion::Deleted;
            read(room: &::causerie_shared::room::RoomKey,
                after: Option<&::causerie_shared::position::Position>,
                limit: usize) -> ::causerie_shared::bus::log::Page;
            history(room: &::causerie_shared::room::RoomKey,
                range: ::causerie_shared::bus::log::HistoryRange,
                limit: usize) -> ::causerie_shared::bus::log::History;
            changed(partition: ::causerie_shared::room::Partition, since_ms: u64)
                -> ::causerie_shared::bus::log::Changes;
            reply(message_id: &::causerie_shared::ids::MessageId)
                -> Option<::causerie_shared::bus::reply::ReplyStatus>;
            cancel(room: &::causerie_shared::room::RoomKey,
                reply: &::causerie_shared::ids::MessageId)
                -> ::causerie_shared::bus::reply::Cancelled;
            waiting() -> ::causerie_shared::bus::reply::Waiting;
            claim(partition: ::causerie_shared::room::Partition,
                tenant: &::causerie_shared::ids::TenantId,
                claim: &::causerie_shared::bus::reply::ClaimId)
                -> Option<::causerie_shared::bus::reply::Claim>;
            leases() -> Vec<::causerie_shared::bus::reply::RunningLease>;
            take_over(seen: &::causerie_shared::bus::reply::RunningLease,
                claim: &::causerie_shared::bus::reply::ClaimId)
                -> ::causerie_shared::bus::reply::Takeover;
            beat(lease: &::causerie_shared::bus::reply::Lease, count: u64)
                -> ::causerie_shared::bus::reply::Beat;
            announce(lease: &::causerie_shared::bus::reply::Lease,
                records: &[::causerie_shared::record::Record])
                -> ::causerie_shared::bus::reply::Beat;
            append(lease: &::causerie_shared::bus::reply::Lease,
                delta: &::causerie_shared::bus::reply::Delta)
                -> ::causerie_shared::bus::reply::Appended;
            finish(lease: &::causerie_shared::bus::reply::Lease,
                ending: &::causerie_shared::bus::reply::Ending)
                -> ::causerie_shared::bus::reply::Finished;
            take(whom: &str, allowances: &[::causerie_shared::bus::allowance::Allowance])
                -> ::causerie_shared::bus::allowance::Taken;
            hold_off(whom: &str, time: ::std::time::Duration) -> ();
            order(order: &::causerie_shared::bus::order::Order) -> ();
            revocations(since_ms: u64) -> ::causerie_shared::bus::order::Revocations;
            attend(told: &::causerie_shared::bus::presence::Attendance, announced: u32)
                -> ::causerie_shared::bus::presence::Attended;
            present(room: &::causerie_shared::room::RoomKey,
                after: Option<&::causerie_shared::ids::UserId>, limit: usize)
                -> Vec<::causerie_shared::bus::presence::Present>;
            hosts(look: &::causerie_shared::bus::presence::HostLook)
                -> ::causerie_shared::bus::presence::Hosts;
            sweep_host(partition: ::causerie_shared::room::Partition,
                host: ::causerie_shared::ids::RunId, announced: u32) -> bool;
            add_key(key: &::causerie_shared::api_key::ApiKey) -> bool;
            key(id: &::causerie_shared::ids::KeyId)
                -> Option<::causerie_shared::api_key::StoredKey>;
            keys(tenant: &::causerie_shared::ids::TenantId)
                -> Vec<::causerie_shared::api_key::StoredKey>;
            note_key_used(id: &::causerie_shared::ids::KeyId, at_ms: u64) -> ();
            revoke_key(id: &::causerie_shared::ids::KeyId) -> ();
            audit(batch: &::causerie_shared::bus::audit::AuditBatch) -> ();
            audited(tenant: Option<&::causerie_shared::ids::TenantId>,
                range: &::causerie_shared::bus::audit::AuditRange)
                -> ::causerie_shared::bus::audit::AuditPage;
            show_node(showing: &::causerie_shared::bus::nodes::Showing)
                -> ::causerie_shared::bus::nodes::Nodes;
            note(note: &::causerie_shared::bus::nodes::Note) -> bool;
            noted(before: Option<::causerie_shared::bus::chronicle::ChroniclePlace>, limit: usize)
                -> ::causerie_shared::bus::chronicle::ChroniclePage;
        }
    };
    ($before:ty: $($verb:ident($($arg:ident: $kind:ty),*) -> $done:ty;)+) => {
        #[::async_trait::async_trait]
        impl ::causerie_shared::bus::Bus for $before {
            fn clock(&self) -> &::causerie_shared::clock::Clock {
                self.bus.clock()
            }

            fn subscriptions(
                &self,
                ear: ::std::sync::Arc<dyn ::causerie_shared::bus::subscription::Ear>,
            ) -> ::std::sync::Arc<dyn ::causerie_shared::bus::subscription::Subscriptions> {
                self.bus.subscriptions(ear)
            }

            fn wakes(
                &self,
                buffer: usize,
            ) -> ::tokio::sync::mpsc::Receiver<::causerie_shared::bus::reply::Wake> {
                self.bus.wakes(buffer)
            }

            fn orders(
                &self,
                buffer: usize,
            ) -> ::tokio::sync::mpsc::Receiver<::causerie_shared::bus::order::OrderHeard> {
                self.bus.orders(buffer)
            }

            $(async fn $verb(
                &self,
                $($arg: $kind),*
            ) -> Result<$done, ::causerie_shared::bus::BusError> {
                self.pass(|| self.bus.$verb($($arg),*)).await
            })+
        }
    };
}
