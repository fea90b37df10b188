// examples/todo-board/page.html as a module, for both apps serve the same page.
export default `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Todo board</title>
<link rel="icon" href="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path fill='none' stroke='teal' stroke-width='3' d='M2 8l4 5 8-10'/></svg>">
<style>
  :root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 25%, transparent); }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
  main, form, li { display: flex; flex-wrap: wrap; gap: .5rem; }
  main { gap: 2rem; }
  section { flex: 1 1 18rem; }
  h1 { font-size: 1.6rem; margin: 0 0 1rem; }
  h2 { font-size: 1rem; display: flex; justify-content: space-between; }
  ul { list-style: none; padding: 0; }
  li { padding: .35rem 0; border-bottom: 1px solid var(--line); }
  li label { flex: 1; overflow-wrap: anywhere; }
  li label:has(:checked) { text-decoration: line-through; opacity: .6; }
  [role=log] { height: 40vh; margin: 1rem 0; overflow: auto; overflow-wrap: anywhere; }
  [role=log] p { margin: 0; }
  input, button { font: inherit; padding: .35rem .7rem; border: 1px solid var(--line); border-radius: .4rem; }
  form input { flex: 1; min-width: 0; }
  output { font-weight: normal; }
  output::before { content: "● "; color: #d98200; }
  output.on::before { color: #1a9c5b; }
</style>

<h1>Todo board</h1>
<main>
  <section>
    <h2>Todos <output id="todos-state">connecting</output></h2>
    <form id="add">
      <input aria-label="New todo" placeholder="What is to be done?" maxlength="200" autocomplete="off" required autofocus>
      <button>Add</button>
    </form>
    <ul id="todos" aria-label="Todos"></ul>
  </section>
  <section>
    <h2>Chat <output id="chat-state">connecting</output></h2>
    <form id="say">
      <input aria-label="Message" placeholder="Say something" maxlength="1000" autocomplete="off" required>
      <button>Send</button>
    </form>
    <div id="chat" role="log" aria-label="Chat" tabindex="0"></div>
  </section>
</main>

<script type="module">
  const $ = (id) => document.getElementById(id);
  // Who says no name, by ?name=, has one until the tab is closed.
  const guest = sessionStorage.guest ??= "guest-" + Math.floor(Math.random() * 1000);
  const name = new URLSearchParams(location.search).get("name") || guest;

  function showState(output, isOn) {
    output.textContent = isOn ? "connected" : "connecting";
    output.classList.toggle("on", isOn);
  }

  function element(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  // What is changed is not shown until the server says so, to all pages alike.
  function send(method, path, body) {
    return fetch("/api/todos" + path, { method, body: body && JSON.stringify(body) });
  }

  function row({ id, title, done }) {
    const tick = element("input", { type: "checkbox", id: "tick-" + id, checked: done });
    tick.onchange = () => send("PATCH", "/" + id, { done: tick.checked });
    const remove = element("button", { id: "delete-" + id, ariaLabel: "Delete " + title }, "Delete");
    remove.onclick = () => send("DELETE", "/" + id);
    return element("li", {}, element("label", {}, tick, " ", title), remove);
  }

  // The browser connects it again, unless the answer was an error.
  const events = new EventSource("/api/events");
  events.onopen = () => showState($("todos-state"), true);
  events.onerror = () => showState($("todos-state"), false);
  events.onmessage = ({ data }) => {
    const focused = document.activeElement.id;
    $("todos").replaceChildren(...JSON.parse(data).map(row));
    if (focused) $(focused)?.focus();
  };

  $("add").onsubmit = async (event) => {
    event.preventDefault();
    const [title] = event.target.elements;
    const response = await send("POST", "", { title: title.value });
    // What was not taken stays, for the next try.
    if (response.ok) title.value = "";
  };

  // A WebSocket that is closed stays closed: the page opens the next one.
  let socket;
  function connect() {
    const url = new URL("/chat", location.href.replace(/^http/, "ws"));
    url.searchParams.set("name", name);
    socket = new WebSocket(url);
    socket.onopen = () => showState($("chat-state"), true);
    socket.onmessage = ({ data }) => {
      const { from, text } = JSON.parse(data);
      $("chat").append(element("p", {}, from + ": " + text));
      $("chat").scrollTop = $("chat").scrollHeight;
    };
    socket.onclose = () => {
      showState($("chat-state"), false);
      setTimeout(connect, 1000);
    };
  }
  connect();

  $("say").onsubmit = (event) => {
    event.preventDefault();
    const [text] = event.target.elements;
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.send(text.value);
    text.value = "";
  };
</script>
</html>
`;
