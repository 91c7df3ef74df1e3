using SemAim.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace SemAim.Models.Objectives;

/// <summary>Predicts the pixels of patches: optional Gaussian blur of the picture, optional normalisation of each patch, squared or absolute error (behaviour.md 4.1).</summary>
public sealed class PixelObjective : IDisposable
{
    private readonly Tensor? kernel;
    private Tensor? ready;
    private readonly int kernelSize;
    private readonly bool normalise, absolute;

    /// <param name="kernelSize">side of the blur, odd; 0: no blur</param>
    /// <param name="sigma">of the blur, pixels</param>
    /// <param name="normalise">each patch to mean 0 and unbiased variance 1</param>
    /// <param name="lossType">L1 or L2</param>
    /// <exception cref="UsageException">an even kernel, or another loss</exception>
    public PixelObjective(int kernelSize = 0, double sigma = 0, bool normalise = true, string lossType = "L2")
    {
        if (kernelSize > 0 && kernelSize % 2 == 0) throw new UsageException($"--gaussian_kernel_size {kernelSize}: the kernel's side must be odd, an even one would change the picture's size");
        if (lossType is not ("L1" or "L2")) throw new UsageException($"--loss_type {lossType}: choose L1 or L2");
        (this.kernelSize, this.normalise, absolute) = (kernelSize, normalise, lossType == "L1");
        if (kernelSize > 0 && sigma > 0) kernel = Kernel(kernelSize, sigma);
    }

    private static Tensor Kernel(int size, double sigma)
    {
        var weights = new double[size * size];
        double middle = (size - 1) / 2, sum = 0;
        for (var i = 0; i < size; i++)
            for (var j = 0; j < size; j++)
                sum += weights[i * size + j] = Math.Exp(-((i - middle) * (i - middle) + (j - middle) * (j - middle)) / (2 * sigma * sigma));
        using var one = tensor([.. weights.Select(w => w / sum)], [1, 1, size, size]);
        return one.repeat(3, 1, 1, 1).DetachFromDisposeScope();
    }

    /// <summary>Targets are blurred.</summary>
    public bool IsBlurring => kernel is not null;

    /// <summary>The pictures that patches are taken from: B × 3 × S × S, fresh; borders are pulled towards 0, the data set's mean.</summary>
    public Tensor Blur(Tensor images)
    {
        if (kernel is null) return images.alias();
        return nn.functional.conv2d(images, KernelFor(images), padding: [kernelSize / 2, kernelSize / 2], groups: 3);
    }

    // made for the pictures' type and device once: a step copies nothing from the host
    private Tensor KernelFor(Tensor images)
    {
        if (ready is null || ready.dtype != images.dtype || ready.device != images.device)
        {
            ready?.Dispose();
            ready = kernel!.to(images.dtype, images.device, copy: true).DetachFromDisposeScope();
        }
        return ready;
    }

    /// <summary>The error of a prediction.</summary>
    /// <param name="model">knows its patches</param>
    /// <param name="predicted">B × N × 3P²</param>
    /// <param name="images">B × 3 × S × S, normalised</param>
    /// <returns>scalar and B × N, fresh</returns>
    public (Tensor Loss, Tensor PerPatch) Loss(AimViT model, Tensor predicted, Tensor images)
    {
        using var source = Blur(images);
        return (normalise, absolute) switch
        {
            (true, false) => model.Loss(predicted, source),
            (true, true) => model.AbsoluteLoss(predicted, source),
            (false, false) => model.RawLoss(predicted, source),
            _ => model.RawAbsoluteLoss(predicted, source),
        };
    }

    /// <inheritdoc />
    public void Dispose()
    {
        kernel?.Dispose();
        ready?.Dispose();
    }
}
