using SemAim.Dsl;
using SemAim.Runtime.Tensors;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace SemAim.Runtime.Tests;

/// <summary>Whom a result of the installed TorchSharp belongs to: generated code disposes what it makes, so no operation that it calls may give back its operand, and what it takes for a view must be one.</summary>
public sealed class OwnershipTests
{
    private static readonly Dictionary<string, Func<Tensor, Tensor, Tensor>> Operations = new()
    {
        ["add_"] = (x, y) => x.add_(y),
        ["sub_"] = (x, y) => x.sub_(y),
        ["mul_"] = (x, y) => x.mul_(y),
        ["div_"] = (x, y) => x.div_(y),
        ["copy_"] = (x, y) => x.copy_(y),
        ["fill_"] = (x, _) => x.fill_(Number.One),
        ["clamp_"] = (x, _) => x.clamp_(Number.Of(0), Number.One),
        ["relu_"] = (x, _) => x.relu_(),
        ["requires_grad_"] = (x, _) => x.requires_grad_(false),
        ["view"] = (x, _) => x.view(2, 12),
        ["reshape"] = (x, _) => x.reshape(2, 3, 4),
        ["permute"] = (x, _) => x.permute(0, 2, 1),
        ["permute that changes nothing"] = (x, _) => x.permute(0, 1, 2),
        ["transpose"] = (x, _) => x.transpose(1, 2),
        ["expand"] = (x, _) => x.expand(2, 3, 4),
        ["select"] = (x, _) => x.select(0, 0),
        ["narrow"] = (x, _) => x.narrow(0, 0, 2),
        ["detach"] = (x, _) => x.detach(),
        ["alias"] = (x, _) => x.alias(),
        ["unbind"] = (x, _) => Kernels.Unbind2(x, 0).Item1,
        ["cat of one"] = (x, _) => cat([x], 1),
        ["zero_"] = (x, _) => x.zero_(),
        ["to its own type"] = (x, _) => x.to(float32),
        ["to its own device"] = (x, _) => x.to(CPU),
        ["cpu"] = (x, _) => x.cpu(),
        ["contiguous"] = (x, _) => x.contiguous(),
        ["float"] = (x, _) => x.@float(),
        ["lower to its own type"] = (x, y) => Kernels.Lower(x, y),
        ["raise what is wide"] = (x, _) => Kernels.Raise(x),
        ["drop path without draws"] = (x, _) => Kernels.DropPath(x, 0.5, null),
        ["add"] = (x, y) => Kernels.Add(x, y),
        ["mul"] = (x, y) => x.mul(y),
        ["div"] = (x, y) => x.div(y),
        ["neg"] = (x, _) => x.neg(),
        ["softmax"] = (x, _) => x.softmax(-1),
        ["gelu"] = (x, _) => F.gelu(x),
        ["relu"] = (x, _) => F.relu(x),
        ["mean"] = (x, _) => x.mean([1], true),
        ["amax"] = (x, _) => x.amax([1], false),
        ["cat"] = (x, y) => cat([x, y], 1),
        ["einsum"] = (x, y) => einsum("abc,abc->ab", x, y),
        ["where"] = (x, y) => where(x.gt(y), x, y),
        ["normalize"] = (x, _) => F.normalize(x, 2.0, -1),
        ["lower"] = (x, _) => Kernels.Lower(x, zeros(1, dtype: bfloat16)),
    };

    public static TheoryData<string, string> Expected
    {
        get
        {
            var data = new TheoryData<string, string>();
            string[] own = ["add_", "sub_", "mul_", "div_", "copy_", "fill_", "clamp_", "relu_", "requires_grad_"];
            foreach (var name in Operations.Keys)
                data.Add(name, own.Contains(name) ? "the operand" : Operations.Keys.ToList().IndexOf(name) < Operations.Keys.ToList().IndexOf("add") ? "a view" : "fresh");
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Expected))]
    public void An_operation_gives_what_the_compiler_takes_it_to_give(string operation, string expected)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var (x, y) = (arange(24, float32).reshape(2, 3, 4).add(Number.One), ones(2, 3, 4));

        var result = Operations[operation](x, y);

        Assert.Equal(expected, ReferenceEquals(result, x) ? "the operand" : Shares(result, x) ? "a view" : "fresh");
        if (ReferenceEquals(result, x)) return;
        // disposing a result leaves its operand alone
        result.Dispose();
        Assert.Equal(24, x.numel());
        x.sum().item<float>();
    }

    // a change of one shows in the other
    private static bool Shares(Tensor result, Tensor operand)
    {
        if (result.dtype != operand.dtype) return false;
        var before = operand.clone();
        result.add_(Number.One);
        return !before.equal(operand).all().item<bool>();
    }
}
