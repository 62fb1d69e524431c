//! What a case needs of an implementation, and the list of all cases.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use causerie_shared::bus::{Bus, Retention};

/// An installation of one implementation, of a test's own.
pub trait World: Sized {
    /// An empty installation that keeps as much as `retention` says.
    async fn new(retention: Retention) -> Self;

    /// One more node's view of it.
    async fn node(&self) -> Arc<dyn Bus>;
}

/// An installation whose storage is a program of its own, which can fail.
///
/// Nodes stay as they are meanwhile, and come back to it by themselves.
pub trait Storage: World {
    /// Ends the storage without warning and starts it again with all that it
    /// had confirmed.
    async fn restart(&mut self);

    /// Remembers all that is stored now.
    async fn mark(&mut self);

    /// Ends the storage without warning and starts it again with what it held
    /// at the mark: what came later is lost.
    async fn lose_since_mark(&mut self);
}

/// What every case must be done in.
const DEADLINE: Duration = Duration::from_secs(60);

/// A case on its way.
pub type Case = Pin<Box<dyn Future<Output = ()>>>;

/// Runs a case to its end.
pub async fn run(case: impl Future<Output = ()>) {
    let done = tokio::time::timeout(DEADLINE, case).await;
    done.expect("the case hangs");
}

/// Two nodes of a new installation, which is to be kept while they are used.
pub async fn two_nodes<W: World>(retention: Retention) -> (W, Arc<dyn Bus>, Arc<dyn Bus>) {
    let world = W::new(retention).await;
    let (here, there) = (world.node().await, world.node().await);
    (world, here, there)
}

/// Tries `attempt` until it gives something.
pub async fn eventually<T>(mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = attempt().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(20), found).await;
    found.expect("it did not happen in time")
}

/// Makes a test of every case, over one implementation; or, with `in_turn`, one
/// test of all cases, where a new installation is dear.
#[macro_export]
macro_rules! conformance {
    ($world:ty) => {
        $crate::conformance!($world, tests_of);
    };
    ($world:ty, $make:ident) => {
        $crate::$make! { $world;
            any_order:
                every_order_keeps_the_promises;
            accepting:
                a_message_is_stored_and_heard,
                an_id_is_stored_once,
                a_repeat_gets_the_first_ones_receipt_whatever_it_says,
                the_same_id_elsewhere_is_another_message,
                an_id_is_forgotten_after_its_window,
                people_among_themselves_ask_nobody,
                a_hundred_publishers_make_one_order,
                if_busy_queue_waits_its_turn,
                if_busy_reject_stores_nothing,
                if_busy_interrupt_ends_the_others,
                if_busy_interrupt_of_an_unclaimed_question,
                caps_name_what_is_full,
                an_interruption_makes_room_under_the_caps,
                hints_tell_what_became_runnable;
            reading:
                an_empty_rooms_epoch_stays,
                a_look_without_a_position_holds_no_events,
                pages_go_on_where_the_last_ended,
                a_page_ends_where_it_would_be_large,
                a_long_log_is_read_whole,
                a_log_trimmed_below_the_position_is_lost,
                a_log_is_trimmed_where_it_is_large,
                of_large_events_the_last_is_kept,
                too_much_in_between_is_lost,
                a_position_that_cannot_be_is_lost,
                a_look_shows_the_replies_being_made,
                what_was_read_and_what_is_heard_join,
                many_rooms_are_read_as_each_by_itself,
                history_is_read_in_both_directions,
                changed_rooms_are_found,
                an_unchanged_room_goes_in_time;
            hearing:
                transient_records_reach_all_and_no_log,
                the_log_keeps_what_was_heard,
                only_rooms_subscribed_to_are_heard,
                many_rooms_are_heard_as_each_by_itself,
                a_feed_ends_with_its_handle,
                a_slow_subscriber_is_told_and_in_nobodys_way,
                nothing_crosses_tenants;
            making:
                a_claim_holds_all_that_a_broker_needs,
                who_waited_longest_is_claimed_first,
                each_question_is_claimed_once,
                a_claim_repeated_gets_the_same,
                waiting_names_tenants_and_partitions,
                deltas_are_taken_in_order_and_once,
                of_many_who_ask_at_once_each_is_answered,
                an_announcement_is_heard_while_the_lease_holds,
                an_ending_is_whole_and_happens_once,
                nothing_more_comes_of_a_reply_that_ended,
                a_lease_that_never_was_is_fenced,
                context_keeps_the_last_turns,
                context_keeps_so_many_bytes,
                what_waits_is_cancelled_at_once,
                what_runs_is_flagged_and_its_broker_told,
                a_reply_is_found_by_both_ids_in_each_state,
                a_reply_outlives_its_message_in_the_log;
            taking_over:
                leases_show_their_beats,
                a_takeover_begins_again,
                a_lease_lost_between_check_and_write_writes_nothing,
                of_many_who_take_over_one_does,
                who_claims_again_is_not_taken_over,
                who_beats_is_not_taken_over,
                a_takeover_repeated_gets_the_same,
                a_cancellation_survives_its_broker;
            allowing:
                an_allowance_is_shared_by_all_nodes,
                there_is_one_again_in_time,
                nothing_is_taken_where_one_is_spent,
                of_many_at_once_no_more_than_allowed,
                another_rate_holds_at_once,
                who_is_held_off_gets_nothing_anywhere,
                who_is_held_off_may_come_back;
            posting:
                an_event_of_a_server_is_kept_and_heard,
                an_event_that_passes_is_heard_and_not_kept,
                an_event_is_published_once_under_its_id,
                an_id_of_an_event_is_forgotten_after_its_window;
            deleting:
                a_tombstone_takes_the_place_of_what_is_deleted,
                a_log_with_tombstones_is_read_without_a_hole,
                tombstones_go_with_the_log,
                a_message_is_deleted_once_and_by_who_may,
                what_is_deleted_leaves_the_context,
                a_question_that_waits_is_cancelled_when_it_is_deleted,
                a_reply_that_is_made_ends_when_its_question_is_deleted;
            ordering:
                orders_reach_all,
                revocations_are_remembered,
                a_revocation_is_forgotten_in_time;
            attending:
                one_is_there_from_the_first_connection_to_the_last,
                a_crowd_is_told_of_part_by_part,
                a_status_is_told_once_and_outlasts_a_moment,
                a_gateway_that_missed_a_status_learns_it,
                who_is_alone_in_their_own_room_is_told_nothing,
                a_crowd_is_told_nothing_of_who_comes_and_goes,
                what_a_dead_host_told_is_taken_back,
                hosts_show_that_they_live;
            keys:
                a_key_is_kept_until_it_is_revoked,
                a_key_takes_no_others_place,
                keys_are_listed_by_their_tenant,
                the_last_use_of_a_key_is_noted;
            auditing:
                an_audit_log_is_read_page_by_page_from_the_newest_on,
                each_tenant_has_an_audit_log_of_its_own,
                a_batch_is_kept_once,
                an_audit_log_has_a_length,
                no_part_of_an_audit_log_pushes_out_another,
                what_is_too_old_goes;
            showing:
                nodes_are_shown_to_all_until_they_end,
                one_watches_at_a_time,
                an_alert_is_raised_once_and_cleared_once,
                the_chronicle_has_a_length_and_an_age;
        }
    };
}

/// Makes a test of every case that needs a storage that fails.
#[macro_export]
macro_rules! conformance_of_storage {
    ($world:ty) => {
        $crate::tests_of! { $world;
            failing:
                a_restart_with_all_data_forces_nobody_to_reload,
                the_last_four_lives_are_remembered,
                a_lost_tail_is_told,
                a_lost_room_is_told,
                a_restart_in_the_middle_loses_and_doubles_nothing,
                a_lease_lives_through_a_restart,
                lost_deltas_are_asked_for_again,
                a_lost_claim_is_fenced_and_made_again,
                a_lost_takeover_is_made_again_as_another,
                a_lost_ending_is_made_again,
                hints_and_changes_come_again_after_a_restart;
        }
    };
}

/// Makes tests of the cases named.
#[macro_export]
macro_rules! tests_of {
    ($world:ty; $($module:ident: $($case:ident),+ $(,)?;)+) => {$(
        mod $module {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    $crate::world::run($crate::cases::$module::$case::<$world>()).await;
                }
            )+
        }
    )+};
}

/// Makes one test that runs the cases named one after the other.
#[macro_export]
macro_rules! in_turn {
    ($world:ty; $($module:ident: $($case:ident),+ $(,)?;)+) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn every_case_in_turn() {
            // Boxed in functions of their own: together they overflow a stack.
            let cases: &[(&str, fn() -> $crate::world::Case)] = &[$($(
                (stringify!($case), || Box::pin($crate::cases::$module::$case::<$world>())),
            )+)+];
            for (name, case) in cases {
                println!("{name}");
                $crate::world::run(case()).await;
            }
        }
    };
}
