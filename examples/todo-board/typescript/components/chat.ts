// The WebSocket of somebody who chats, under the name of `?name=`. All connections are in one
// group, which the host keeps: no service is needed.
import { join, publish, websocket } from "rusm";

export default websocket({
  open() {
    join("chat");
  },

  message(socket, text) {
    if (typeof text !== "string") return socket.close(1003, "this chat takes text");
    const from = new URL(socket.url).searchParams.get("name") ?? "guest";
    publish("chat", { from, text });
  },

  /** Somebody has said something, maybe this one. */
  onMail(socket, mail) {
    if (mail.type === "message") socket.send(mail.text());
  },
});
