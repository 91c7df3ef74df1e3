using SemAim.Runtime.Tensors;
using TorchSharp;
using Tensor = TorchSharp.torch.Tensor;

namespace SemAim.Dsl;

/// <summary>Fills a tensor when a module is made.</summary>
public delegate void Init(Tensor tensor);

/// <summary>Common initialisers.</summary>
public static class Inits
{
    /// <summary>0.</summary>
    public static Init Zeros => t => t.zero_().Dispose();
    /// <summary>1.</summary>
    public static Init Ones => t => t.fill_(Number.One);
    /// <summary>Normal with mean 0.</summary>
    public static Init Normal(double std) => t => torch.nn.init.normal_(t, 0, std);
    /// <summary>Uniform with bound √(6 / (in + out)).</summary>
    public static Init XavierUniform => t => torch.nn.init.xavier_uniform_(t);
    /// <summary>Uniform in [−bound, bound).</summary>
    public static Init Uniform(double bound) => t => torch.nn.init.uniform_(t, -bound, bound);

    /// <summary>Fixed table [1, 1 + G², D] of a square grid; see <see cref="SinCos"/>.</summary>
    public static Init SinCos2d => t =>
    {
        var side = (int)Math.Sqrt(t.size(1) - 1);
        SinCos(side, side)(t);
    };

    /// <summary>Fixed table [1, 1 + rows·columns, D]: row 0 is zero; then sine and cosine of the column, sine and cosine of the row (behaviour.md 1.4). D must be divisible by 4.</summary>
    public static Init SinCos(int rows, int columns) => t =>
    {
        using var scope = torch.NewDisposeScope();
        var (N, D) = ((long)rows * columns, t.size(2));
        if (D % 4 != 0) throw new ArgumentException($"sine-cosine positions need D % 4 == 0, got D = {D}");
        var omega = torch.pow(10000.0, torch.arange(Number.Of(0), Number.Of(D / 4), Number.One, torch.float64).mul(Number.Of(-4.0 / D)));
        var patch = torch.arange(Number.Of(0), Number.Of(N), Number.One, torch.int64);
        var x = patch.remainder(Number.Of(columns)).to(torch.float64).unsqueeze(1) * omega;
        var y = patch.div(Number.Of(columns), torch.RoundingMode.floor).to(torch.float64).unsqueeze(1) * omega;
        t.zero_().Dispose();
        t.narrow(1, 1, N).copy_(torch.cat([x.sin(), x.cos(), y.sin(), y.cos()], 1).unsqueeze(0));
    };
}
