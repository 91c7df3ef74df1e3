using SemAim.Runtime.Tensors;
using TorchSharp;
using F = TorchSharp.torch.nn.functional;

namespace SemAim.Dsl;

/// <summary>Operations on several values.</summary>
public static class Ops
{
    /// <summary>Sum of products: <c>Einsum("B D, B N D -> B N", a, b)</c>.</summary>
    public static Sym Einsum(string pattern, params ReadOnlySpan<Sym> values)
    {
        var letters = pattern.Split([' ', ',', '-', '>'], StringSplitOptions.RemoveEmptyEntries).Distinct().Select((n, i) => (n, letter: (char)(i < 26 ? 'a' + i : 'A' + i - 26))).ToDictionary(p => p.n, p => p.letter);
        string Side(string s) => string.Concat(s.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(n => letters[n]));
        var sides = pattern.Split("->");
        var tensors = new torch.Tensor[values.Length];
        var owner = values[0];
        for (var i = 0; i < values.Length; i++) (tensors[i], owner) = (values[i].Value, owner.InRunOf(values[i]));
        var sizes = new Dictionary<string, long>();
        foreach (var (side, tensor) in sides[0].Split(',').Zip(tensors))
            foreach (var (name, size) in side.Split(' ', StringSplitOptions.RemoveEmptyEntries).Zip(tensor.shape)) sizes[name] = size;
        var type = tensors.Any(t => t.dtype == torch.ScalarType.Float64) ? torch.ScalarType.Float64 : torch.ScalarType.Float32;
        for (var i = 0; i < tensors.Length; i++) tensors[i] = Kernels.Doubled(tensors[i], type);
        var multiplyAdds = sizes.Values.Aggregate(1L, (a, b) => a * b);
        return owner.With(torch.einsum($"{string.Join(',', sides[0].Split(',').Select(Side))}->{Side(sides[1])}", tensors), multiplyAdds);
    }

    /// <summary>softmax(q·kᵀ/√E + mask)·v over B × H × T × E; written out here, so that it can check the fused kernel.</summary>
    public static Sym Attend(Sym q, Sym k, Sym v, OrderMask? mask = null)
    {
        // TorchSharp does not catch what its matmul throws: a mismatch would end the process
        var type = new[] { q, k, v }.Any(x => x.Value.dtype == torch.ScalarType.Float64) ? torch.ScalarType.Float64 : torch.ScalarType.Float32;
        var (query, key, value) = (q.In(type), k.In(type), v.In(type));
        var (a, b, c) = (query.shape, key.shape, value.shape);
        if (a is not [_, _, _, _] || b is not [_, _, _, _] || c is not [_, _, _, _] || a[0] != b[0] || a[1] != b[1] || a[3] != b[3] || !b[..3].SequenceEqual(c[..3]) || query.dtype != key.dtype || key.dtype != value.dtype || !query.is_floating_point())
            throw new ArgumentException($"Attend works on B H T E, B H M E, B H M E of numbers of one type; got {string.Join(' ', a)} {query.dtype}, {string.Join(' ', b)} {key.dtype}, {string.Join(' ', c)} {value.dtype}");
        var scores = query.matmul(key.transpose(-2, -1)).div(Number.Of(Math.Sqrt(q.Size(3))));
        if (mask is not null)
        {
            var dense = mask.Dense().to(scores.dtype);
            // a mask of other axes would broadcast the scores, and the product with v would end the process
            if (dense.shape[0] != a[0] || !dense.shape[^2..].SequenceEqual([a[2], b[2]])) throw new ArgumentException($"Attend: the mask orders {string.Join(' ', dense.shape)}, these operands need {a[0]} {a[2]} {b[2]}");
            scores = Kernels.Add(scores, dense);
        }
        return q.InRunOf(k).With(v, scores.softmax(-1).matmul(value), 2 * q.Value.numel() * k.Size(2));
    }

    /// <summary>Joins values along the bracketed axis.</summary>
    public static Sym Concat(string pattern, params ReadOnlySpan<Sym> values)
    {
        var axis = AxisPattern.Bracketed(pattern, (int)values[0].Value.dim());
        var tensors = new torch.Tensor[values.Length];
        var owner = values[0];
        for (var i = 0; i < values.Length; i++) (tensors[i], owner) = (values[i].Value, owner.InRunOf(values[i]));
        return owner.With(torch.cat(tensors, axis));
    }

    /// <summary><paramref name="a"/> where the condition holds, else <paramref name="b"/>; equal axes.</summary>
    public static Sym Where(Sym condition, Sym a, Sym b) => a.InRunOf(b).With(condition, Kernels.Where(condition.Value, a.Value, b.Value));
}
