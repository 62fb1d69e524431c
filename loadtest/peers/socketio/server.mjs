// A chat on Socket.IO, as its documentation says to run one in production: see
// README.md. One process of it; several share a Redis.
//
// PORT        where it listens, on 127.0.0.1
// REDIS_PORT  the Redis that it shares with others, if it is not alone
import { createServer } from 'node:http';
import { createShardedAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';

const { PORT, REDIS_PORT } = process.env;

const http = createServer();
const io = new Server(http, { transports: ['websocket'], serveClient: false });

if (REDIS_PORT) {
  const publisher = createClient({ url: `redis://127.0.0.1:${REDIS_PORT}` });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  io.adapter(createShardedAdapter(publisher, subscriber));
}

// "Memory usage": the first request is kept for each client unless it is let go.
io.engine.on('connection', (socket) => {
  socket.request = null;
});

io.on('connection', (socket) => {
  socket.on('join', (room, done) => {
    socket.join(room);
    done();
  });
  // To everybody but who said it, who knows.
  socket.on('say', (room, text) => socket.to(room).emit('said', text));
});

// As many may come at once as the machine lets; Node's own bound is 511.
http.listen({ port: Number(PORT), host: '127.0.0.1', backlog: 4096 });
