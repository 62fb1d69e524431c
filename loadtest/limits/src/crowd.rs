//! Who is connected, and in which room.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::rc::Rc;

use anyhow::Context;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use socket2::{Domain, Socket, Type};

use crate::websocket::{Received, frame, handshake, next_frame};

/// More than all who may come at once.
const BACKLOG: i32 = 4096;
/// How many sockets epoll tells of at once.
const EVENTS_A_LOOK: usize = 1024;
/// What a client is told once for each of its rooms.
const JOINED: &[u8] = b"joined";
const LISTENER: u64 = u64::MAX;
const FOREIGN: u64 = u64::MAX - 1;

/// What happened.
pub enum Event {
    /// The first one came into a room, which is not [open](Crowd::open) yet.
    New(usize),
    /// Somebody said something.
    Said(Said),
    /// There is something to read on the watched socket.
    Foreign,
}

/// What somebody said.
pub struct Said {
    /// Who.
    pub by: Place,
    /// The name of the room where.
    pub room: Vec<u8>,
    /// The frame that all others in it are to get.
    pub frame: Vec<u8>,
}

/// A client's number.
pub type Place = usize;

/// The sockets of one thread. epoll tells, by level, which can be read: one call
/// for all that are ready, and one `read` for each. Edges would cost a second
/// `read`, which finds nothing.
pub struct Crowd {
    epoll: Epoll,
    listener: TcpListener,
    clients: Vec<Option<Client>>,
    rooms: HashMap<String, usize>,
    by_number: Vec<Room>,
    buffer: Vec<u8>,
}

#[derive(Default)]
struct Room {
    name: String,
    is_open: bool,
    members: Vec<(Place, Rc<TcpStream>)>,
}

struct Client {
    stream: Rc<TcpStream>,
    /// None before the handshake.
    rooms: Option<Vec<usize>>,
    /// What was read of a request or frame that is not all there yet.
    begun: Vec<u8>,
}

impl Crowd {
    /// Listens on this port of 127.0.0.1, or on any that is free if it is 0, and
    /// prints `listening on 127.0.0.1:PORT`.
    ///
    /// # Errors
    /// If the port is taken.
    pub fn listen(port: u16) -> anyhow::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], port)).into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let listener = TcpListener::from(socket);
        writeln!(std::io::stdout(), "listening on {}", listener.local_addr()?)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
        Ok(Self {
            epoll,
            listener,
            clients: Vec::new(),
            rooms: HashMap::new(),
            by_number: Vec::new(),
            buffer: vec![0; 64 * 1024],
        })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.listener
            .local_addr()
            .map_or(0, |address| address.port())
    }

    /// Tells of another socket too, with [`Event::Foreign`].
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn watch(&self, socket: &TcpStream) -> anyhow::Result<()> {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, FOREIGN);
        self.epoll.add(socket, event).context("epoll")
    }

    /// What is the room called?
    pub fn name(&self, room: usize) -> &str {
        self.by_number.get(room).map_or("", |room| &room.name)
    }

    /// Which room is called so?
    pub fn room(&self, name: &[u8]) -> Option<usize> {
        self.rooms.get(std::str::from_utf8(name).ok()?).copied()
    }

    /// Tells those who are in a room that they hear it, and those who come later.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn open(&mut self, room: usize) -> anyhow::Result<()> {
        if let Some(room) = self.by_number.get_mut(room) {
            room.is_open = true;
        }
        self.send(room, &frame(JOINED), None)?;
        Ok(())
    }

    /// Sends to everybody in a room but one, one `send(2)` each; gives how many they
    /// are.
    ///
    /// # Errors
    /// If waiting for a full socket fails.
    pub fn send(&self, room: usize, frame: &[u8], except: Option<Place>) -> anyhow::Result<usize> {
        let room = self.by_number.get(room).context("a room")?;
        let mut sends = 0;
        for (place, member) in &room.members {
            if Some(*place) == except {
                continue;
            }
            sends += 1;
            let mut rest = frame;
            while !rest.is_empty() {
                match (&**member).write(rest) {
                    Ok(sent) => rest = rest.get(sent..).unwrap_or_default(),
                    // Everybody waits for one who reads slowly, without using the CPU.
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        let socket = PollFd::new(member.as_fd(), PollFlags::POLLOUT);
                        poll(&mut [socket], PollTimeout::NONE)?;
                    }
                    // It has gone: found out when it is read.
                    Err(_) => break,
                }
            }
        }
        Ok(sends)
    }

    /// Waits until something happens, a second at the most.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn wait(&mut self) -> anyhow::Result<Vec<Event>> {
        let mut ready = [EpollEvent::empty(); EVENTS_A_LOOK];
        let count = match self.epoll.wait(&mut ready, EpollTimeout::from(1000u16)) {
            Err(Errno::EINTR) => 0,
            count => count?,
        };
        let mut events = Vec::new();
        for event in ready.iter().take(count) {
            match event.data() {
                LISTENER => self.accept()?,
                FOREIGN => events.push(Event::Foreign),
                client => {
                    let place = Place::try_from(client)?;
                    if !self.read(place, &mut events)? {
                        self.forget(place);
                    }
                }
            }
        }
        Ok(events)
    }

    fn accept(&mut self) -> anyhow::Result<()> {
        while let Ok((stream, _)) = self.listener.accept() {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let place = self.clients.len();
            let event = EpollEvent::new(EpollFlags::EPOLLIN, u64::try_from(place)?);
            self.epoll.add(&stream, event)?;
            self.clients.push(Some(Client {
                stream: Rc::new(stream),
                rooms: None,
                begun: Vec::new(),
            }));
        }
        Ok(())
    }

    /// Is the client still there?
    fn read(&mut self, place: Place, events: &mut Vec<Event>) -> anyhow::Result<bool> {
        let Some(client) = self.clients.get_mut(place).and_then(Option::as_mut) else {
            return Ok(true);
        };
        match (&*client.stream).read(&mut self.buffer) {
            Ok(0) => return Ok(false),
            Ok(read) => {
                let bytes = self.buffer.get(..read).unwrap_or_default();
                client.begun.extend_from_slice(bytes);
            }
            Err(error) => return Ok(error.kind() == ErrorKind::WouldBlock),
        }
        if client.rooms.is_none() {
            let Some(request) = handshake(&client.begun)? else {
                return Ok(true);
            };
            client.begun.clear();
            (&*client.stream).write_all(request.answer.as_bytes())?;
            let stream = Rc::clone(&client.stream);
            let mut rooms = Vec::new();
            for name in request.rooms {
                rooms.push(self.join(name, place, &stream, events)?);
            }
            if let Some(client) = self.clients.get_mut(place).and_then(Option::as_mut) {
                client.rooms = Some(rooms);
            }
            return Ok(true);
        }
        let mut rest = client.begun.as_slice();
        while let Some(received) = next_frame(&mut rest)? {
            match received {
                Received::Text(room, frame) => events.push(Event::Said(Said {
                    by: place,
                    room,
                    frame,
                })),
                Received::Close => return Ok(false),
                Received::Other => {}
            }
        }
        let done = client.begun.len() - rest.len();
        client.begun.drain(..done);
        Ok(true)
    }

    fn join(
        &mut self,
        name: String,
        place: Place,
        stream: &Rc<TcpStream>,
        events: &mut Vec<Event>,
    ) -> anyhow::Result<usize> {
        let next = self.by_number.len();
        let number = *self.rooms.entry(name.clone()).or_insert(next);
        if number == next {
            self.by_number.push(Room {
                name,
                ..Room::default()
            });
            events.push(Event::New(number));
        }
        if let Some(room) = self.by_number.get_mut(number) {
            room.members.push((place, Rc::clone(stream)));
            if room.is_open {
                (&**stream).write_all(&frame(JOINED))?;
            }
        }
        Ok(number)
    }

    fn forget(&mut self, place: Place) {
        let Some(client) = self.clients.get_mut(place).and_then(Option::take) else {
            return;
        };
        for number in client.rooms.unwrap_or_default() {
            if let Some(room) = self.by_number.get_mut(number) {
                room.members.retain(|(member, _)| *member != place);
            }
        }
    }
}
