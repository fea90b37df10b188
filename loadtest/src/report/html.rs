//! stub
pub fn render(_: &crate::model::Report) -> String {
    String::new()
}
