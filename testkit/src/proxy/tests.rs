use tokio::time::timeout;

use super::*;
use crate::DEADLINE;

#[tokio::test]
async fn a_cut_ends_what_was_let_in_just_before_it() {
    let door = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let server = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let mut client = TcpStream::connect(door.local_addr().unwrap())
        .await
        .unwrap();
    client.write_all(b"late").await.unwrap();
    let (let_in, _) = door.accept().await.unwrap();
    let rules = watch::Sender::new(Rules::default());
    let made = *rules.borrow();
    rules.send_modify(|rules| {
        rules.era += 1;
        rules.blocked = true;
    });
    let setup = Setup {
        port: server.local_addr().unwrap().port(),
        width: Width::Wide,
        poses_as: None,
    };
    let connection = connection(let_in, setup, made, rules.subscribe());
    timeout(DEADLINE, connection).await.unwrap();
    let (mut server, _) = server.accept().await.unwrap();
    assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
}
