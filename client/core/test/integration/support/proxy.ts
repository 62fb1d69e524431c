// Something on the way between a client and its server, which lets through what it is told to.
import { createServer, request, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';

export class Proxy {
  /** Answers a WebSocket's handshake with 400, as some do. */
  refusesUpgrades = false;
  /** Answers no WebSocket's handshake. */
  leavesUpgrades = false;
  /** Begins to answer event streams, and hands on nothing of them. */
  gathersStreams = false;
  /** Hands requests on, and keeps their answers. */
  swallowsAnswers = false;
  /** What was asked, as `GET /ws`. */
  readonly asked: string[] = [];
  upstream: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(upstream: string) {
    this.upstream = upstream;
    this.#server = createServer((incoming, answer) => {
      this.asked.push(`${incoming.method} ${incoming.url?.split('?')[0]}`);
      const { hostname, port } = new URL(this.upstream);
      const { method, url: path, headers } = incoming;
      const outgoing = request({ hostname, port, method, path, headers }, (answered) => {
        if (this.swallowsAnswers) return void answered.resume();
        answer.writeHead(answered.statusCode ?? 502, answered.headers);
        if (this.gathersStreams && answered.headers['content-type'] === 'text/event-stream') {
          answer.flushHeaders();
          return void answered.resume();
        }
        answered.on('error', () => answer.destroy());
        answered.pipe(answer);
      });
      outgoing.on('error', () => answer.destroy());
      answer.on('close', () => outgoing.destroy());
      incoming.pipe(outgoing);
    });
    this.#server.on('upgrade', (incoming, socket: Socket, head) => {
      this.asked.push(`UPGRADE ${incoming.url?.split('?')[0]}`);
      if (this.leavesUpgrades) return;
      if (this.refusesUpgrades) return void socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
      const { hostname, port } = new URL(this.upstream);
      const onward = connect(Number(port), hostname);
      const lines = [`GET ${incoming.url} HTTP/1.1`];
      for (let at = 0; at < incoming.rawHeaders.length; at += 2) lines.push(`${incoming.rawHeaders[at]}: ${incoming.rawHeaders[at + 1]}`);
      onward.write(`${lines.join('\r\n')}\r\n\r\n`);
      onward.write(head);
      onward.pipe(socket).pipe(onward);
      for (const end of [onward, socket]) end.on('error', () => end.destroy());
      onward.on('close', () => socket.destroy());
      socket.on('close', () => onward.destroy());
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async to(upstream: string): Promise<Proxy> {
    const proxy = new Proxy(upstream);
    await proxy.open(0);
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return address && typeof address !== 'string' ? address.port : 0;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Cuts all that goes through it. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Hears of nobody any more. */
  async shut(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  async open(port: number): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }
}
