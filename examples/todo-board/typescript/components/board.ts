// The todos. One process has them, so that changes come one after the other, and all who watch see
// them in this order.
import { caller, kv, publish, send, service } from "rusm";

export interface Todo {
  id: number;
  title: string;
  done: boolean;
}

/** In the store it is one value: it changes as a whole, or not at all. */
interface Board {
  todos: Todo[];
  /** Of the todos that were removed as well: no id is given twice. */
  lastId: number;
}

const store = kv.bucket("todo-board");

let board: Board = { todos: [], lastId: 0 };

export default service({
  /** What an earlier process has stored. Without it calls fail: an empty board would be stored over it. */
  async init() {
    board = (await store.getJson<Board>("board")) ?? board;
  },

  list(): Todo[] {
    return board.todos;
  },

  async create(title: string): Promise<Todo> {
    const todo = { id: board.lastId + 1, title, done: false };
    await commit({ todos: [...board.todos, todo], lastId: todo.id });
    return todo;
  },

  /** Changes what is given. Null if there is no such todo. */
  async update(id: number, title: string | null, done: boolean | null): Promise<Todo | null> {
    const old = board.todos.find((todo) => todo.id === id);
    if (!old) return null;
    const todo = { id, title: title ?? old.title, done: done ?? old.done };
    await commit({ ...board, todos: board.todos.map((each) => (each === old ? todo : each)) });
    return todo;
  },

  /** Whether it was there. */
  async remove(id: number): Promise<boolean> {
    const todos = board.todos.filter((todo) => todo.id !== id);
    const wasThere = todos.length < board.todos.length;
    if (wasThere) await commit({ ...board, todos });
    return wasThere;
  },

  /** Sends the list to the caller, in the way of a change: none can overtake it. */
  show(): void {
    const to = caller();
    if (to) send(to, board.todos);
  },
});

/** Stores the board, and then shows it. */
async function commit(next: Board): Promise<void> {
  await store.setJson("board", next);
  board = next;
  publish("board", board.todos);
}
