//! So many connections that the system has no more files for them.

use causerie_testkit::client::http::get;
use causerie_testkit::client::raw::RawSocket;
use causerie_testkit::process::Program;
use futures::future::join_all;

/// More than the program may open.
const CONNECTIONS: usize = 150;

#[tokio::test]
async fn who_takes_all_files_is_told_of_and_others_come_in_afterwards() {
    let node = Program::causerie().open_files(100).start().await;
    let opening = (0..CONNECTIONS).map(|_| RawSocket::connect(node.url()));
    let open = join_all(opening).await;
    node.log_line("raise the limit of open files").await;
    drop(open);
    node.metric_rises("causerie_accept_errors_total").await;
    assert_eq!(get(node.url()).await.status, 200);
}
