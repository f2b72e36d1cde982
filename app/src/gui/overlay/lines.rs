//! Many thin lines in one mesh: smooth edges, a colour at each end, one draw call.

use egui::{Color32, Mesh, Painter, Pos2, Shape, Vec2};

/// Lines collected for one draw call.
#[derive(Debug)]
pub(super) struct Lines {
    /// The triangles.
    mesh: Mesh,
    /// Width of the soft edge: one physical pixel.
    feather: f32,
}

impl Lines {
    /// No lines yet.
    pub(super) fn new(painter: &Painter) -> Self {
        Self { mesh: Mesh::default(), feather: 1.0 / painter.pixels_per_point().max(0.1) }
    }

    /// Adds a line of a width in points whose colour changes evenly from end to end.
    pub(super) fn add(&mut self, [a, b]: [Pos2; 2], width: f32, [from, to]: [Color32; 2]) {
        let along = (b - a).normalized();
        if along == Vec2::ZERO || (from.a() == 0 && to.a() == 0) {
            return;
        }
        let across = along.rot90();
        let inner = across * (0.5 * (width - self.feather)).max(0.0);
        let outer = across * (0.5 * (width + self.feather));
        // Thinner than a pixel means paler.
        let strength = (width / self.feather).min(1.0);
        let (from, to) = (from.gamma_multiply(strength), to.gamma_multiply(strength));
        let base = self.mesh.vertices.len() as u32;
        for (end, colour) in [(a, from), (b, to)] {
            self.mesh.colored_vertex(end - outer, Color32::TRANSPARENT);
            self.mesh.colored_vertex(end - inner, colour);
            self.mesh.colored_vertex(end + inner, colour);
            self.mesh.colored_vertex(end + outer, Color32::TRANSPARENT);
        }
        // A line as thin as its soft edges has nothing between them.
        let strips: &[u32] = if inner == Vec2::ZERO { &[0, 2] } else { &[0, 1, 2] };
        for &strip in strips {
            let (p, q) = (base + strip, base + 4 + strip);
            self.mesh.add_triangle(p, p + 1, q);
            self.mesh.add_triangle(p + 1, q, q + 1);
        }
    }

    /// Adds a line of one colour on a wider, paler line that sets it off from the picture.
    pub(super) fn add_shaded(&mut self, ends: [Pos2; 2], width: f32, colour: Color32, shade: Color32) {
        self.add(ends, width + 2.0, [shade; 2]);
        self.add(ends, width, [colour; 2]);
    }

    /// Adds a small filled diamond.
    pub(super) fn add_dot(&mut self, at: Pos2, radius: f32, colour: Color32) {
        let base = self.mesh.vertices.len() as u32;
        for offset in [Vec2::X, Vec2::Y, -Vec2::X, -Vec2::Y] {
            self.mesh.colored_vertex(at + offset * radius, colour);
        }
        self.mesh.add_triangle(base, base + 1, base + 2);
        self.mesh.add_triangle(base, base + 2, base + 3);
    }

    /// Draws everything.
    pub(super) fn draw(self, painter: &Painter) {
        if !self.mesh.is_empty() {
            painter.add(Shape::mesh(self.mesh));
        }
    }
}
