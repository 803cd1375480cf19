//! The whole way, for real: a live gateway goes into a container and comes back, with messages flowing, killed runs
//! resumed or rolled back, and a power cut. One boot a test. `scripts/test` runs this file; what is marked as
//! ignored, the sweep over every journal record first of all, is run by `scripts/test --all`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking and prints its figures"
)]

mod bad_input;
mod big_tree;
mod canaries;
mod compose;
mod crash;
mod days_later;
mod drift;
mod engine;
mod host_state;
mod moment;
mod moved;
mod other_choices;
mod proof;
mod rate;
mod resurrected;
mod scanning;
mod second_poller;
mod services;
mod there_and_back;
mod two_at_once;
mod unlucky;
mod ways;
mod world;

use ocmigrate_lab::fleet::{Entry, Install, Starter};
use ocmigrate_lab::server::{RELEASES_IMAGE, SERVER_IMAGE};
use world::World;

#[test]
fn a_gateway_goes_into_a_container_and_comes_back() {
    let world = World::boot("road");
    world.step(
        "scan is read-only and finds what is there",
        scanning::scan_finds_the_gateway,
    );
    world.step(
        "bad input changes nothing",
        bad_input::every_refusal_is_one_line_and_changes_nothing,
    );
    world.step(
        "there and back under messages",
        there_and_back::messages_flow_all_the_way,
    );
    world.step(
        "two real pollers on one token are seen",
        second_poller::is_seen_as_overlap_and_conflict,
    );
    world.end();
}

#[test]
fn a_run_cut_off_in_the_middle_ends_at_one_of_two_ends() {
    let world = World::boot("crash");
    world.step(
        "killed once the starter is disarmed, rolled back",
        crash::killed_after_the_disarming_and_rolled_back,
    );
    world.step(
        "the release binary killed once the starter is disarmed, resumed",
        crash::the_release_binary_is_killed,
    );
    world.step(
        "killed once the container is started, rolled back",
        crash::killed_after_the_start_and_rolled_back,
    );
    world.step(
        "killed once the container is started, resumed",
        crash::killed_after_the_start_and_resumed,
    );
    world.step("power cut in the silence", crash::power_cut_in_the_silence);
    world.end();
}

#[test]
#[ignore = "six minutes; scripts/test --all runs it"]
fn a_run_that_is_interrupted_unhealthy_or_overrun_ends_well() {
    let world = World::boot("unwell");
    world.step(
        "interrupted at the question and later",
        crash::an_interrupted_run_is_rolled_back,
    );
    world.step(
        "a way back is killed while the container drains",
        crash::a_way_back_is_killed_while_the_container_drains,
    );
    world.step(
        "a container that cannot serve is rolled back",
        crash::an_unhealthy_container_is_rolled_back,
    );
    world.step(
        "a message a second to each bot",
        there_and_back::a_message_a_second_is_delivered,
    );
    world.end();
}

#[test]
#[ignore = "six minutes; scripts/test --all runs it"]
fn a_workspace_of_300_000_files_is_moved_like_any_other() {
    let world = World::boot("big");
    world.step(
        "300,000 files",
        big_tree::neither_lengthens_the_silence_nor_takes_memory,
    );
    world.end();
}

#[test]
#[ignore = "ten minutes; scripts/test --all runs it"]
fn what_will_not_do_is_found_before_the_silence_or_while_it_is_watched() {
    let world = World::boot("proof");
    world.step(
        "a limit that is too small and a library that is missing",
        proof::an_image_or_a_budget_that_will_not_do_is_refused_before_anything_stops,
    );
    world.step(
        "killed in the rehearsal",
        proof::a_rehearsal_that_is_killed_leaves_nothing,
    );
    world.step(
        "a gateway that dies while it is watched",
        proof::a_container_that_falls_while_it_is_watched_is_rolled_back,
    );
    world.end();
}

#[test]
#[ignore = "six minutes; scripts/test --all runs it"]
fn what_somebody_changed_after_a_move_is_told_and_does_not_hinder_the_way_back() {
    let world = World::boot("drift");
    world.step("drift", drift::is_told_and_does_not_hinder_the_way_back);
    world.end();
}

#[test]
#[ignore = "ten minutes; scripts/test --all runs it"]
fn a_host_on_which_something_goes_wrong_in_the_middle_is_native_again() {
    let world = World::boot("unlucky");
    world.step(
        "a stranger takes the port",
        unlucky::a_port_that_a_stranger_takes_in_the_silence,
    );
    world.step(
        "a stranger starts the gateway",
        resurrected::a_stranger_that_starts_it_in_the_silence_is_seen,
    );
    world.step(
        "a configuration that OpenClaw refuses",
        unlucky::a_configuration_that_openclaw_refuses,
    );
    world.step(
        "a plugin that a container misses",
        unlucky::a_plugin_that_the_container_would_miss,
    );
    world.step(
        "the engine restarts before the container does",
        engine::that_restarts_before_the_start,
    );
    world.step(
        "the engine restarts while the container does",
        engine::that_restarts_after_the_start,
    );
    world.step(
        "container, network and images are pruned",
        unlucky::an_engine_that_is_tidied_up_in_the_silence,
    );
    world.end();
}

#[test]
#[ignore = "ten minutes; scripts/test --all runs it"]
fn a_run_cut_off_by_the_power_or_a_full_disk_ends_well() {
    let world = World::boot("power");
    world.step(
        "the journal's disk is full",
        crash::the_disk_of_the_journal_is_full,
    );
    world.step("power cut in the silence", crash::power_cut_in_the_silence);
    world.step("power cut at four other places", crash::power_cut_elsewhere);
    world.end();
}

#[test]
#[ignore = "debootstrap takes a minute or two; scripts/test --all runs it"]
fn without_a_base_image_one_is_made_of_the_hosts_distribution() {
    let world = World::boot("base");
    world.step("a base of its own", there_and_back::on_a_base_of_its_own);
    world.end();
}

#[test]
#[ignore = "six minutes; scripts/test --all runs it"]
fn a_gateway_whose_model_is_a_loopback_service_reaches_it_from_its_container() {
    let world = World::boot_of("relay", SERVER_IMAGE, services::put_the_model_on_loopback);
    world.step(
        "there and back, rebooted in between",
        services::the_model_answers_all_the_way,
    );
    world.end();
}

#[test]
#[ignore = "ten minutes; scripts/test --all runs it"]
fn what_a_plan_may_choose_otherwise_goes_into_a_container_and_comes_back() {
    let world = World::boot("choices");
    world.step(
        "a heap limit and the narrow sight",
        other_choices::a_heap_and_the_narrow_sight,
    );
    world.step("the host's network", other_choices::the_hosts_network);
    world.step("a given image", other_choices::a_given_image);
    world.end();
}

#[test]
#[ignore = "ten minutes; scripts/test --all runs it"]
fn a_gateway_with_a_node_below_home_goes_into_a_container_and_comes_back() {
    let world = World::boot_with("nvm", SERVER_IMAGE, |gateway| {
        gateway.install = Install::Nvm;
        // The unit that OpenClaw writes itself takes the host's node.
        gateway.starter = Starter::SystemdSystem;
        gateway.entry = Entry::Script;
    });
    world.step("both sights", other_choices::a_node_below_home);
    world.end();
}

#[test]
#[ignore = "an hour; scripts/test --all runs it"]
fn a_run_killed_after_any_record_is_resumed() {
    let world = World::boot("resumed");
    crash::killed_at_every_record_and_resumed(&world);
    world.end();
}

#[test]
#[ignore = "half an hour; scripts/test --all runs it"]
fn a_run_killed_after_any_record_is_rolled_back() {
    let world = World::boot("back");
    crash::killed_at_every_record_and_rolled_back(&world);
    world.end();
}

/// Moves a gateway that is started in one way there and back.
fn moves(label: &str, image: &str, starter: Starter, part: fn(&World)) {
    let world = World::boot_with(label, image, |gateway| gateway.starter = starter);
    world.step("there and back", part);
    world.end();
}

#[test]
#[ignore = "ten minutes; scripts/test --all runs it"]
fn a_gateway_of_a_system_unit_goes_into_a_container_and_comes_back() {
    moves(
        "system",
        SERVER_IMAGE,
        Starter::SystemdSystem,
        ways::there_and_back_with_reboots,
    );
}

#[test]
#[ignore = "ten minutes; scripts/test --all runs it"]
fn a_gateway_of_cron_goes_into_a_container_and_comes_back() {
    let world = World::boot_with("cron", SERVER_IMAGE, |gateway| {
        gateway.starter = Starter::CronReboot;
    });
    ways::add_watchdog(&world);
    world.step("there and back", ways::there_and_back_with_reboots);
    world.end();
}

#[test]
#[ignore = "ten minutes; scripts/test --all runs it"]
fn what_a_container_wrote_is_native_days_later_and_a_final_group_stays() {
    let world = World::boot_with("days", SERVER_IMAGE, |gateway| {
        gateway.starter = Starter::CronReboot;
    });
    world.step(
        "back after days",
        days_later::what_the_container_wrote_is_native,
    );
    world.step("final", days_later::a_final_group_stays_in_its_container);
    world.end();
}

#[test]
#[ignore = "six minutes; scripts/test --all runs it"]
fn a_gateway_of_pm2_goes_into_a_container_and_comes_back() {
    moves(
        "pm",
        RELEASES_IMAGE,
        Starter::Pm2,
        ways::there_and_back_with_reboots,
    );
}

#[test]
#[ignore = "six minutes; scripts/test --all runs it"]
fn a_gateway_of_a_shell_loop_goes_into_a_container_and_comes_back() {
    moves(
        "loop",
        RELEASES_IMAGE,
        Starter::ShellLoop,
        ways::there_and_back_where_no_boot_starts_it,
    );
}

#[test]
#[ignore = "six minutes; scripts/test --all runs it"]
fn a_gateway_of_a_session_of_tmux_goes_into_a_container_and_comes_back() {
    moves(
        "tmux",
        RELEASES_IMAGE,
        Starter::Tmux,
        ways::there_and_back_where_no_boot_starts_it,
    );
}

#[test]
#[ignore = "six minutes; scripts/test --all runs it"]
fn a_gateway_of_a_session_of_screen_goes_into_a_container_and_comes_back() {
    moves(
        "screen",
        RELEASES_IMAGE,
        Starter::Screen,
        ways::there_and_back_where_no_boot_starts_it,
    );
}

#[test]
#[ignore = "six minutes; scripts/test --all runs it"]
fn a_gateway_of_a_login_that_is_over_goes_into_a_container_and_comes_back() {
    moves(
        "nohup",
        RELEASES_IMAGE,
        Starter::Nohup,
        ways::there_and_back_where_no_boot_starts_it,
    );
}

#[test]
#[ignore = "ten minutes; scripts/test --all runs it"]
fn a_gateway_of_2026_5_28_goes_into_a_container_and_comes_back() {
    let world = World::boot_with("may", RELEASES_IMAGE, |gateway| {
        "2026.5.28".clone_into(&mut gateway.release);
    });
    world.step("there and back", ways::there_and_back_with_reboots);
    world.step(
        "a stranger starts the gateway",
        resurrected::a_stranger_that_starts_it_in_the_silence_is_seen,
    );
    world.end();
}

/// It has no `/readyz`, checks no configuration, finishes no turn after SIGTERM, and calls `api.telegram.org` itself.
#[test]
#[ignore = "ten minutes; scripts/test --all runs it"]
fn a_gateway_of_2026_2_9_goes_into_a_container_and_comes_back() {
    let world = World::boot_with("february", RELEASES_IMAGE, |gateway| {
        "2026.2.9".clone_into(&mut gateway.release);
        gateway.starter = Starter::SystemdSystem;
    });
    world.step(
        "there and back",
        ways::rehearsed_there_and_back_with_reboots,
    );
    world.step(
        "a stranger starts the gateway",
        resurrected::a_stranger_that_starts_it_in_the_silence_is_seen,
    );
    world.end();
}
