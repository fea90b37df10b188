//! The todos. One process has them, so that changes come one after the other, and all who watch
//! see them in this order.

#[rusm_rs::service]
pub mod board {
    use rusm_rs::kv;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Serialize, Deserialize)]
    pub struct Todo {
        id: u64,
        title: String,
        done: bool,
    }

    /// In the store it is one value: it changes as a whole, or not at all.
    #[derive(Clone, Default, Serialize, Deserialize)]
    pub struct State {
        todos: Vec<Todo>,
        /// Of the todos that were removed as well: no id is given twice.
        last_id: u64,
    }

    /// What an earlier process has stored. Without it this one ends, and the host tries again: an
    /// empty board in its place would be stored over it.
    pub fn init() -> State {
        match load() {
            Ok(board) => board,
            Err(why) => panic!("the board can't be loaded: {why}"),
        }
    }

    pub fn list(state: &State) -> Vec<Todo> {
        state.todos.clone()
    }

    pub fn create(state: &mut State, title: String) -> Result<Todo, String> {
        let mut next = state.clone();
        next.last_id += 1;
        let todo = Todo {
            id: next.last_id,
            title,
            done: false,
        };
        next.todos.push(todo.clone());
        commit(state, next)?;
        Ok(todo)
    }

    /// Changes what is given. `None` if there is no such todo.
    pub fn update(
        state: &mut State,
        id: u64,
        title: Option<String>,
        done: Option<bool>,
    ) -> Result<Option<Todo>, String> {
        let mut next = state.clone();
        let Some(todo) = next.todos.iter_mut().find(|todo| todo.id == id) else {
            return Ok(None);
        };
        todo.title = title.unwrap_or(todo.title.clone());
        todo.done = done.unwrap_or(todo.done);
        let todo = todo.clone();
        commit(state, next)?;
        Ok(Some(todo))
    }

    /// Whether it was there.
    pub fn remove(state: &mut State, id: u64) -> Result<bool, String> {
        let mut next = state.clone();
        next.todos.retain(|todo| todo.id != id);
        let was_there = next.todos.len() < state.todos.len();
        if was_there {
            commit(state, next)?;
        }
        Ok(was_there)
    }

    /// Sends the list to the caller, in the way of a change: none can overtake it.
    pub fn show(state: &State) -> Result<(), String> {
        if let Some(caller) = rusm_rs::caller() {
            rusm_rs::send_bytes(caller, &json(&state.todos)?);
        }
        Ok(())
    }

    /// Stores the board, and then shows it.
    fn commit(state: &mut State, next: State) -> Result<(), String> {
        kv::bucket("todo-board").set("board", &json(&next)?)?;
        *state = next;
        rusm_rs::publish("board", &json(&state.todos)?);
        Ok(())
    }

    fn load() -> Result<State, String> {
        match kv::bucket("todo-board").get("board")? {
            Some(board) => serde_json::from_slice(&board).map_err(|error| error.to_string()),
            None => Ok(State::default()),
        }
    }

    fn json(value: &impl Serialize) -> Result<Vec<u8>, String> {
        serde_json::to_vec(value).map_err(|error| error.to_string())
    }
}
