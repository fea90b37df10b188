import { join, publish, websocket } from "rusm";

// One process for each connection: this is its own.
let messages = 0;

export default websocket({
  open(socket) {
    join("echoes");
    socket.send(`hello ${new URL(socket.url).searchParams.get("name")}`);
  },
  message(socket, data) {
    messages += 1;
    if (data === "count") return socket.send(String(messages));
    if (data === "all") return void publish("echoes", "to all");
    if (data === "boom") throw new Error("a message too many");
    if (data === "later") return void setTimeout(() => socket.send("later"), 20);
    if (data === "bye") return socket.close(4001, "as you wish");
    socket.send(data);
  },
  close(_socket, code, reason) {
    console.info(`closed with ${code} ${reason}`);
  },
  onMail(socket, mail) {
    if (mail.type === "message") socket.send(mail.json<string>());
  },
});
