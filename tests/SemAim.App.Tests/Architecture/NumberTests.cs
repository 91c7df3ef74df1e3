using System.Reflection;
using System.Reflection.Emit;
using SemAim.Runtime.Tensors;
using TorchSharp;

namespace SemAim.App.Tests.Architecture;

/// <summary>Numbers that operations read must outlive them: see <see cref="Number"/>.</summary>
public sealed class NumberTests
{
    private const BindingFlags Declared = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> Codes = typeof(OpCodes).GetFields().Select(f => (OpCode)f.GetValue(null)!).ToDictionary(c => c.Value);

    [Fact]
    public void No_operation_of_the_program_reads_a_number_that_only_the_call_holds()
    {
        var library = Methods(typeof(torch).Assembly);
        var calls = library.ToDictionary(m => m, m => Calls(m).ToList());
        var making = library.Where(m => calls[m].Any(Makes)).ToHashSet();
        for (var before = 0; before != making.Count;)
        {
            before = making.Count;
            making.UnionWith(library.Where(m => calls[m].Any(making.Contains)));
        }
        Assert.Contains(making, m => m is { Name: "op_Addition" } && m.GetParameters().All(p => p.ParameterType == typeof(torch.Tensor)));      // the scan sees x + y
        Assembly[] own = [typeof(Number).Assembly, typeof(Models.AimViT).Assembly, typeof(ExitCodes).Assembly];
        var found = own.SelectMany(Methods).Where(m => m.DeclaringType != typeof(Number))
            .SelectMany(m => Calls(m).Where(c => Makes(c) || making.Contains(c)).Select(c => $"{m.DeclaringType!.FullName}.{m.Name} calls {c.DeclaringType!.Name}.{c.Name}({string.Join(", ", c.GetParameters().Select(p => p.ParameterType.Name))})"));
        Assert.True(!found.Any(), string.Join("\n", found));
    }

    [Fact]
    public void A_number_is_the_same_object_until_thousands_of_others_came_after_it()
    {
        var half = Number.Of(0.5);
        for (var i = 0; i < 1000; i++) Number.Of(1e6 + i + 0.25);
        Assert.Same(half, Number.Of(0.5));
        using var whole = torch.arange(3, dtype: torch.int64);
        using (var doubled = whole.mul(Number.Of(2))) Assert.Equal(torch.int64, doubled.dtype);
        using (var doubled = whole.mul(Number.Of(2.0))) Assert.Equal(torch.float32, doubled.dtype);
        for (var i = 0; i < 20_000; i++) Number.Of(i + 0.125);
        Assert.NotSame(half, Number.Of(0.5));                        // else a rate that changes with every step would fill the memory
    }

    private static bool Makes(MethodBase m) => m is { DeclaringType.Name: "Scalar", Name: "op_Implicit" or "op_Explicit" or ".ctor" } || m.Name == "ToScalar" && m.Module.Assembly == typeof(torch).Assembly;

    private static List<MethodBase> Methods(Assembly assembly)
    {
        Type?[] types;
        try { types = assembly.GetTypes(); }
        catch (ReflectionTypeLoadException e) { types = e.Types; }        // parts of the library need packages that are not used here
        return [.. types.OfType<Type>().SelectMany(Members).OfType<MethodBase>()];
    }

    private static MemberInfo[] Members(Type type)
    {
        try { return type.GetMembers(Declared); }
        catch (FileNotFoundException) { return []; }
    }

    // every method that the body of a method names
    private static IEnumerable<MethodBase> Calls(MethodBase method)
    {
        byte[]? code;
        try { code = method.GetMethodBody()?.GetILAsByteArray(); }
        catch (FileNotFoundException) { yield break; }
        if (code is null) yield break;
        for (var at = 0; at < code.Length;)
        {
            var op = code[at] == 0xFE ? Codes[unchecked((short)(0xFE00 | code[at + 1]))] : Codes[code[at]];
            at += op.Size;
            if (op.OperandType == OperandType.InlineMethod && Resolve(method, BitConverter.ToInt32(code, at)) is { } called) yield return called;
            at += op.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(code, at),
                _ => 4,
            };
        }
    }

    private static MethodBase? Resolve(MethodBase within, int token)
    {
        try { return within.Module.ResolveMethod(token, within.DeclaringType?.GetGenericArguments(), within.IsGenericMethod ? within.GetGenericArguments() : null); }
        catch (Exception e) when (e is FileNotFoundException or BadImageFormatException or TypeLoadException or ArgumentException) { return null; }
    }
}
