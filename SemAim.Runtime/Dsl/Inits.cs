using SemAim.Runtime.Tensors;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Dsl;

/// <summary>Fills a tensor when a module is made.</summary>
public delegate void Init(Tensor tensor);

/// <summary>Common initialisers.</summary>
public static class Inits
{
    private const string Quarters = "a position is the sine and cosine of a column and of a row";

    /// <summary>0.</summary>
    public static Init Zeros => t => t.zero_().Dispose();
    /// <summary>1.</summary>
    public static Init Ones => t => t.fill_(Number.One);
    /// <summary>Normal with mean 0.</summary>
    public static Init Normal(double std) => t => torch.nn.init.normal_(t, 0, std);
    /// <summary>Uniform with bound √(6 / (in + out)).</summary>
    [Fills("O I ...")]
    public static Init XavierUniform => t => torch.nn.init.xavier_uniform_(t);
    /// <summary>Uniform in [−bound, bound).</summary>
    public static Init Uniform(double bound) => t => torch.nn.init.uniform_(t, -bound, bound);

    /// <summary>Fixed table [1, 1 + G², D] of a square grid, or [1, G², D] without a class token; see <see cref="SinCos"/>.</summary>
    /// <exception cref="ArgumentException">the tensor has other axes</exception>
    [Fills("1 G*G D", "1 G*G+1 D"), Require("D % 4 == 0", Because = Quarters)]
    public static Init SinCos2d => t =>
    {
        var tokens = t.dim() == 3 ? t.size(1) : 0;
        var side = (int)Math.Round(Math.Sqrt(Math.Max(0, tokens - 1)));
        if ((long)side * side + 1 != tokens) side = (int)Math.Round(Math.Sqrt(tokens));
        if (t.dim() != 3 || (long)side * side is var patches && patches != tokens && patches + 1 != tokens) throw new ArgumentException($"Inits.SinCos2d fills [1, G*G, D] or, with a class token, [1, 1 + G*G, D]; got [{string.Join(", ", t.shape)}]");
        SinCos(side, side)(t);
    };

    /// <summary>Fixed table [1, 1 + rows·columns, D]: row 0, the class token's, is zero; then sine and cosine of the column, sine and cosine of the row (behaviour.md 1.4). [1, rows·columns, D] lacks the first row. D must be divisible by 4.</summary>
    /// <exception cref="ArgumentException">the tensor has other axes</exception>
    [Fills("1 rows*columns D", "1 rows*columns+1 D"), Require("D % 4 == 0", Because = Quarters)]
    public static Init SinCos(int rows, int columns) => t =>
    {
        using var scope = torch.NewDisposeScope();
        var N = (long)rows * columns;
        if (t.dim() != 3 || t.size(0) != 1 || t.size(1) != N && t.size(1) != N + 1) throw new ArgumentException($"Inits.SinCos({rows}, {columns}) fills [1, {N}, D] or, with a class token, [1, {N + 1}, D]; got [{string.Join(", ", t.shape)}]");
        var D = t.size(2);
        if (D % 4 != 0) throw new ArgumentException($"sine-cosine positions need D % 4 == 0, got D = {D}");
        var omega = torch.pow(10000.0, torch.arange(Number.Of(0), Number.Of(D / 4), Number.One, torch.float64).mul(Number.Of(-4.0 / D)));
        var patch = torch.arange(Number.Of(0), Number.Of(N), Number.One, torch.int64);
        var x = patch.remainder(Number.Of(columns)).to(torch.float64).unsqueeze(1) * omega;
        var y = patch.div(Number.Of(columns), torch.RoundingMode.floor).to(torch.float64).unsqueeze(1) * omega;
        t.zero_().Dispose();
        t.narrow(1, t.size(1) - N, N).copy_(torch.cat([x.sin(), x.cos(), y.sin(), y.cos()], 1).unsqueeze(0));
    };
}
