// A relay to the server, whose connections can be cut: a network that fails.
import { once } from "node:events";
import net from "node:net";

/** Listens on a port of its own, and passes on what comes to the port `to`. */
export class Relay {
  /** While it is not, new connections are cut at once. */
  isUp = true;
  /** How many connections have had their `cutAfter`. */
  cutShort = 0;
  #open = new Set();

  /** Each connection is cut after `cutAfter` bytes of the server's. */
  static async to(to, cutAfter = Infinity) {
    const relay = new Relay();
    relay.server = net.createServer((client) => relay.#relay(client, to, cutAfter));
    relay.server.listen(0, "127.0.0.1");
    await once(relay.server, "listening");
    relay.port = relay.server.address().port;
    return relay;
  }

  cut() {
    for (const socket of this.#open) socket.destroy();
  }

  close() {
    this.server.close();
    this.cut();
  }

  #relay(client, to, cutAfter) {
    if (!this.isUp) return client.destroy();
    const server = net.connect(to, "127.0.0.1");
    let passed = 0;
    server.on("data", (chunk) => {
      client.write(chunk.subarray(0, cutAfter - passed));
      passed += chunk.length;
      if (passed < cutAfter) return;
      this.cutShort += 1;
      server.destroy();
    });
    client.pipe(server);
    for (const [end, other] of [[client, server], [server, client]]) {
      this.#open.add(end);
      end.on("error", () => {});
      end.on("close", () => {
        this.#open.delete(end);
        other.destroySoon();
      });
    }
  }
}
